import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { SfuOptions } from '../settings.ts'
import type { LocalSfu } from '../sfu.ts'
import { startSfu } from './start.ts'
import { until } from './until.ts'

const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length
/** kilobytes */
const residentMemory = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

const whenEmpty = async (sfu: LocalSfu) => {
  const [counts] = await until('the worker is empty', async () => {
    const now = await sfu.counts()
    return now[0]?.routers === 0 && now
  })
  if (!counts) throw new Error('no worker')
  return { counts, files: openFiles(counts.pid), memory: residentMemory(counts.pid) }
}

/** Runs a few rounds that fill caches and pools, then the ones that count; nothing of them may be left. */
export const expectNothingLeft = async (
  count: number,
  round: (sfu: LocalSfu, n: number) => Promise<void>,
  options: Partial<SfuOptions> = {},
) => {
  const sfu = await startSfu({ emptyCallGraceMs: 0, ...options })
  for (let n = 0; n < 3; n++) await round(sfu, n)
  const before = await whenEmpty(sfu)
  for (let n = 0; n < count; n++) await round(sfu, n)
  const after = await whenEmpty(sfu)

  expect(after.counts).toEqual({ ...before.counts, routers: 0, transports: 0, producers: 0, consumers: 0 })
  expect(await sfu.request('sfu:calls', {})).toEqual({ calls: [] })
  expect(after.files).toBe(before.files)
  expect(after.memory - before.memory).toBeLessThan(4_096 + 20 * count)
  console.info(
    `${count} rounds: worker memory ${before.memory} -> ${after.memory} kB, ` +
      `open files ${before.files} -> ${after.files}`,
  )
}
