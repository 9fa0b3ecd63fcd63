import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { applyPatch, buildKey, PATCHES } from './recipe.ts'
import { readWorkerSource } from './source.ts'

test('every patch applies to the installed mediasoup', () => {
  const { folder } = readWorkerSource()
  for (const patch of PATCHES) {
    const patched = applyPatch(readFileSync(join(folder, patch.file), 'utf8'), patch)
    expect(patched).toContain(patch.after)
    expect(patched).not.toContain(patch.before)
  }
})

test('a patch that upstream made itself changes nothing, one without its place is refused', () => {
  const patch = { file: 'x.cpp', before: 'a == b', after: 'a & b' }
  expect(applyPatch('if (a & b)', patch)).toBe('if (a & b)')
  expect(() => applyPatch('if (c)', patch)).toThrow('x.cpp no longer contains "a == b"')
})

test('a build is named after the version and the system it is for', () => {
  const key = buildKey('3.27.1', 'debian-12')
  expect(key).toMatch(/^mediasoup-worker-3\.27\.1-\w+-[0-9a-f]{12}$/)
  expect(buildKey('3.27.1', 'debian-12')).toBe(key)
  expect(buildKey('3.27.1', 'debian-13')).not.toBe(key)
})
