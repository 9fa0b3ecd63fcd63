import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { frameWorkerText, TEXT_FILE } from '../../scripts/frame-worker.ts'

test('the worker that comes along is made of these sources: node sdk/js/scripts/frame-worker.ts', async () => {
  expect(readFileSync(TEXT_FILE, 'utf8') === (await frameWorkerText())).toBe(true)
})
