import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { lives } from './testing/lives.ts'
import { startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

/** A process of its own takes a second to start, on a busy machine many. */
const START_MS = 40_000

const spawnSfu = async (): Promise<{ child: ChildProcess; lines: string[]; pids: number[] }> => {
  const script = fileURLToPath(import.meta.resolve('./testing/run.ts'))
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', line => lines.push(line))
  const ready = await until('the SFU is ready', () => lines.find(line => line.startsWith('ready')), START_MS)
  const pids = ready.split(' ').slice(1).map(Number)
  expect(pids).toHaveLength(2)
  for (const pid of pids) expect(lives(pid)).toBe(true)
  return { child, lines, pids }
}

test('when the process is killed, its workers end by themselves', { timeout: 60_000 }, async () => {
  const { child, pids } = await spawnSfu()
  child.kill('SIGKILL')
  await once(child, 'exit')
  await until('no worker is left', () => !pids.some(lives), 5_000)
})

test('on SIGTERM calls end, workers end, and the process with them', { timeout: 60_000 }, async () => {
  const { child, pids, lines } = await spawnSfu()
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
  expect(pids.some(lives)).toBe(false)
  expect(lines).toContain('call:ended')
  expect(lines.at(-1)).toBe('closed')
})

test('close leaves no child, also when called twice', async () => {
  const sfu = await startSfu({ workers: 2 })
  const pids = (await sfu.counts()).map(counts => counts.pid)
  await Promise.all([sfu.close(), sfu.close()])
  expect(pids.some(lives)).toBe(false)
})

test('a worker that cannot start is named', async () => {
  await expect(startSfu({ workerBin: '/nowhere/mediasoup-worker' })).rejects.toThrow(
    /\/nowhere\/mediasoup-worker does not start: .*ENOENT/,
  )
  await expect(startSfu({ workerBin: '/bin/false' })).rejects.toThrow(/\/bin\/false does not start/)
})

test('a taken port is named, and no worker is left', async () => {
  const first = await startSfu()
  const [counts] = await first.counts()
  await expect(startSfu({ port: counts?.port })).rejects.toThrow(
    new RegExp(`${counts?.port} .*RTC_PORT`, 's'),
  )
})
