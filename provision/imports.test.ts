import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { run } from '../sfu/provision/run.ts'
import { importRules } from './imports.ts'

const OXLINT = join(import.meta.dirname, '../node_modules/.bin/oxlint')

/** Lints one file with one line at `path` of an otherwise empty repo. Returns what the linter objects to. */
async function lint(path: string, line: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-imports-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const overrides = importRules().map(({ files, excludeFiles, patterns }) => ({
    files,
    excludeFiles,
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  }))
  writeFileSync(
    join(folder, '.oxlintrc.json'),
    JSON.stringify({ categories: { correctness: 'off' }, overrides }),
  )
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), `${line}\n`)
  const { output } = await run(OXLINT, ['--format', 'json'], { cwd: folder })
  const { diagnostics } = JSON.parse(output) as { diagnostics: { help?: string; message: string }[] }
  return diagnostics.map(diagnostic => diagnostic.help ?? diagnostic.message)
}

test.each([
  ['kit/src/a.ts', "import '@trunkline/signalling'", 'kit may import only protocol.'],
  ['protocol/src/a.ts', "import '@trunkline/kit'", 'protocol may import no other package of ours.'],
  [
    'signalling/src/a.ts',
    "import type { Sfu } from '@trunkline/sfu'",
    'signalling may import only protocol, kit.',
  ],
  ['signalling/src/a.ts', "await import('@trunkline/media')", 'signalling may import only protocol, kit.'],
  ['signalling/src/a.test.ts', "import '@trunkline/cli'", 'signalling may import only protocol, kit.'],
  ['media/src/a.ts', "import '../../kit/src/b.ts'", 'Import another package by its name.'],
  ['web-demo/src/a.ts', "import '@trunkline/protocol'", 'web-demo may import only sdk.'],
  ['sdk/js/src/a.ts', "import 'node:fs'", 'This package runs in browsers.'],
  [
    'turn/src/relay.ts',
    "import 'node-turn/lib/message.js'",
    'Only turn/src/control/control.ts may import node-turn.',
  ],
  ['media/src/av/ffmpeg.ts', "import 'sharp'", 'Only media/src/pictures/worker/image.ts may import sharp.'],
  ['signalling/src/rooms/a.ts', "import 'mediasoup'", 'Only sfu/** may import mediasoup.'],
])('%s refuses %s', async (path, line, message) => {
  expect(await lint(path, line)).toEqual([message])
})

test.each([
  ['kit/src/a.ts', "import '@trunkline/protocol'"],
  ['cli/src/a.ts', "import '@trunkline/sfu/provision'"],
  ['sdk/js/src/a.ts', "import 'mediasoup-client'"],
  ['sdk/js/src/a.test.ts', "import 'node:http'"],
  ['web-demo/src/a.ts', "import '@trunkline/sdk'"],
  ['turn/src/control/control.ts', "import 'node-turn'"],
  ['media/src/pictures/worker/image.ts', "import 'sharp'"],
  ['sfu/src/a.ts', "import 'mediasoup'"],
])('%s takes %s', async (path, line) => {
  expect(await lint(path, line)).toEqual([])
})
