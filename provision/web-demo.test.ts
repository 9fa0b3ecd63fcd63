import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashSources } from './web-demo.ts'

test('the hash of sources changes with names and contents, and with nothing else', () => {
  const root = mkdtempSync(join(tmpdir(), 'trunkline-hash-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'src'))
  writeFileSync(join(root, 'src/a.ts'), 'one')
  const hash = () => hashSources(root, ['src', 'index.html'])
  const first = hash()
  expect(hash()).toBe(first)

  writeFileSync(join(root, 'src/a.test.ts'), 'a test is no source')
  expect(hash()).toBe(first)

  writeFileSync(join(root, 'src/a.ts'), 'two')
  const second = hash()
  expect(second).not.toBe(first)

  renameSync(join(root, 'src/a.ts'), join(root, 'src/b.ts'))
  const third = hash()
  expect(third).not.toBe(second)

  writeFileSync(join(root, 'index.html'), '')
  expect(hash()).not.toBe(third)
})
