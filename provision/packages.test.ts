import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { installAdvice, missingPackages } from './packages.ts'

test('a package is missing when its program is not on the PATH, or its file not there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-packages-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'present'), '')
  chmodSync(join(folder, 'present'), 0o755)
  writeFileSync(join(folder, 'no-program'), '')
  const item = (provides: string) => ({ name: provides, provides, purpose: 'for this' })
  const packages = [item('present'), item('absent'), item('no-program'), item(folder), item('/nonexistent')]
  expect(missingPackages(packages, { PATH: folder }).map(({ name }) => name)).toEqual([
    'absent',
    'no-program',
    '/nonexistent',
  ])
})

test('the advice is one command, and says why for each package', () => {
  const lines = installAdvice([
    { name: 'ffmpeg', provides: 'ffmpeg', purpose: 'for previews' },
    { name: 'g++', provides: 'g++', purpose: 'for calls' },
    { name: 'ninja-build', provides: 'ninja', purpose: 'for calls' },
  ])
  expect(lines).toContain(
    '  apt-get update && apt-get install -y --no-install-recommends ffmpeg g++ ninja-build',
  )
  expect(lines).toContain('  ffmpeg            for previews')
  expect(lines).toContain('  g++, ninja-build  for calls')
})
