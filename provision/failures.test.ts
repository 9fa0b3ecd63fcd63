import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { failuresOf, sentenceOf, unhandledIn } from './failures.ts'

const VITEST = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')

/** Runs these files by Vitest and gives what its report says of failures. */
const failuresIn = (files: Record<string, string>) => {
  const root = mkdtempSync(join(tmpdir(), 'trunkline-failures-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text)
  const report = join(root, 'report.json')
  const args = ['--root', root, '--globals', '--reporter=json', `--outputFile.json=${report}`]
  spawnSync(process.execPath, [VITEST, 'run', ...args], { cwd: root, stdio: 'ignore' })
  return failuresOf(readFileSync(report, 'utf8'), root).sort((a, b) => a.file.localeCompare(b.file))
}

/** Runs one file by Vitest and gives what it says of errors. */
const saidOf = (text: string): string => {
  const root = mkdtempSync(join(tmpdir(), 'trunkline-failures-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  writeFileSync(join(root, 'a.test.js'), text)
  const args = ['run', '--root', root, '--globals']
  return spawnSync(process.execPath, [VITEST, ...args], { cwd: root, encoding: 'utf8' }).stderr
}

test('an error nobody handled is told by the file it came up in', () => {
  const said = saidOf(`test('works', async () => {
    void Promise.reject(new Error('nobody looks'))
    await new Promise(resolve => setTimeout(resolve, 50))
  })`)
  expect(said).toContain('nobody looks')
  expect(unhandledIn(said)).toEqual([{ file: 'a.test.js', test: '', error: 'An error that nobody handled.' }])
  expect(unhandledIn(saidOf(`test('works', () => {})`))).toEqual([])
  expect(unhandledIn('Vitest caught 1 unhandled error during the test run.')).toBeUndefined()
})

test('what failed is told by file and test, and of a file that cannot be run, that', () => {
  const found = failuresIn({
    'a.test.js': `describe('calls', () => {
      test('ring', () => expect(1).toBe(2))
      test('end', () => {})
    })`,
    'b.test.js': `throw new Error('no such thing')`,
    'c.test.js': `beforeAll(() => { throw new Error('no server') }); test('waits', () => {})`,
    'd.test.js': `test('works', () => {})`,
  })
  expect(found).toMatchObject([
    { file: 'a.test.js', test: 'calls > ring', error: expect.stringContaining('expected 1 to be 2') },
    { file: 'b.test.js', test: '', error: expect.stringContaining('no such thing') },
    { file: 'c.test.js', test: '', error: expect.stringContaining('no server') },
  ])
})

test('a failure is read by its name and its first error, without where in the code', () => {
  const error = 'AssertionError: expected 1 to be 2\n\n- 2\n+ 1\n    at /a.test.ts:3:1\n    at /b.ts:1:1'
  expect(sentenceOf({ file: 'test/src/a.test.ts', test: 'calls > ring', error })).toBe(
    'failed beside others, passed alone: test/src/a.test.ts > calls > ring\n' +
      '  AssertionError: expected 1 to be 2\n  \n  - 2\n  + 1',
  )
  expect(sentenceOf({ file: 'a.test.ts', test: '', error: 'no server' })).toBe(
    'failed beside others, passed alone: a.test.ts\n  no server',
  )
})
