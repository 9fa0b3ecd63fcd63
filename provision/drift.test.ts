import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findDrift, type Generated } from './drift.ts'

/** A repo with one generator: a script that writes out/a.json, with this text. */
function repo(text: string): { root: string; generated: Generated } {
  const root = mkdtempSync(join(tmpdir(), 'trunkline-drift-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'out'))
  writeFileSync(join(root, 'generate.sh'), `printf '%s' '${text}' >out/a.json`)
  return {
    root,
    generated: {
      name: 'it',
      command: ['sh', 'generate.sh'],
      folder: '.',
      outputs: ['out'],
    },
  }
}

test('files that are what the generator writes are no drift', async () => {
  const { root, generated } = repo('new')
  writeFileSync(join(root, 'out/a.json'), 'new')
  expect(await findDrift(generated, root)).toEqual([])
})

test('a file that differs is named with the command that makes it, and put back', async () => {
  const { root, generated } = repo('new')
  writeFileSync(join(root, 'out/a.json'), 'old')
  expect(await findDrift(generated, root)).toEqual([
    'it: not what its source says; run "sh generate.sh" in ./',
    '  out/a.json',
  ])
  expect(readFileSync(join(root, 'out/a.json'), 'utf8')).toBe('old')
})

test('a file that was never committed is drift, and taken away again', async () => {
  const { root, generated } = repo('new')
  expect(await findDrift(generated, root)).toContain('  out/a.json')
  expect(readdirSync(join(root, 'out'))).toEqual([])
})

test('an empty file that should not be there is drift', async () => {
  const { root, generated } = repo('new')
  writeFileSync(join(root, 'out/a.json'), 'new')
  writeFileSync(join(root, 'generate.sh'), 'rm out/a.json; : >out/b.json')
  expect(await findDrift(generated, root)).toEqual([expect.any(String), '  out/a.json', '  out/b.json'])
})

test('a generator that fails says why', async () => {
  const { root, generated } = repo('new')
  writeFileSync(join(root, 'generate.sh'), 'echo broken >&2; exit 3')
  expect(await findDrift(generated, root)).toEqual(['it: the generator failed', 'broken'])
})
