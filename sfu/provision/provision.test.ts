import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { cacheFolder, withLock } from './cache.ts'
import { ensureWorker, findWorker } from './index.ts'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-provision-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('MEDIASOUP_WORKER_BIN is taken as it is', async () => {
  const path = join(temporaryFolder(), 'worker')
  writeFileSync(path, '')
  chmodSync(path, 0o755)
  expect(await ensureWorker({ env: { MEDIASOUP_WORKER_BIN: path }, report: () => {} })).toEqual({
    path,
    source: 'env',
  })
})

test('a MEDIASOUP_WORKER_BIN that is no program is named in the error', async () => {
  const env = { MEDIASOUP_WORKER_BIN: '/nonexistent/worker' }
  await expect(findWorker(env)).rejects.toMatchObject({
    name: 'WorkerUnavailable',
    message: 'MEDIASOUP_WORKER_BIN names /nonexistent/worker, which is not an executable file',
    fix: 'correct it, or unset it',
  })
})

test('without the tools to compile, the error names the command that installs them', async () => {
  const env = {
    XDG_CACHE_HOME: temporaryFolder(),
    PATH: temporaryFolder(),
    MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD: 'true',
  }
  await expect(ensureWorker({ env, report: () => {} })).rejects.toMatchObject({
    name: 'WorkerUnavailable',
    message: expect.stringContaining('not installed: g++, ninja'),
    fix: expect.stringMatching(/^apt-get install .*libsrtp2-dev/),
  })
})

test('a cache folder that cannot be made is named', async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  await expect(ensureWorker({ env: { XDG_CACHE_HOME: file }, report: () => {} })).rejects.toMatchObject({
    message: `the cache folder ${file}/trunkline cannot be written (ENOTDIR)`,
  })
})

test('the cache is in XDG_CACHE_HOME, else in the home folder', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/trunkline')
  expect(cacheFolder({ HOME: '/h' })).toBe('/h/.cache/trunkline')
})

test('a lock lets one in at a time and tells who waits', async () => {
  const file = join(temporaryFolder(), 'lock')
  const inside: string[] = []
  let waited = 0
  const work = (name: string) => async () => {
    inside.push(`${name} in`)
    await delay(50)
    inside.push(`${name} out`)
  }
  await Promise.all([withLock(file, () => waited++, work('a')), withLock(file, () => waited++, work('b'))])
  expect(inside.map(line => line.slice(2))).toEqual(['in', 'out', 'in', 'out'])
  expect(waited).toBeGreaterThan(0)
})
