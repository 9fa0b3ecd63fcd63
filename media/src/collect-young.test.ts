import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { bytesPassed } from './collect-young.ts'

/** How often the young was collected because somebody asked, while a gigabyte passed. */
const asked = async (pass: (bytes: number) => void): Promise<number> => {
  let count = 0
  const look = (list: { getEntries(): unknown[] }): void => {
    // Of these entries, which the types do not know, see https://nodejs.org/api/perf_hooks.html#performanceentrydetail
    for (const { detail } of list.getEntries() as { detail: { kind: number; flags: number } }[]) {
      const isForced = (detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR && isForced) count++
    }
  }
  const observer = new PerformanceObserver(look)
  observer.observe({ entryTypes: ['gc'] })
  for (let n = 0; n < 16_384; n++) {
    pass(Buffer.allocUnsafeSlow(65_536).byteLength)
    if (n % 16 === 0) await turn()
  }
  await turn()
  look({ getEntries: () => observer.takeRecords() })
  observer.disconnect()
  return count
}

// That V8 then collects everything less often depends on the machine: seen were 3 to 6 times in a gigabyte instead of 15 to 25.
it('of a gigabyte that passes, the young is collected every 16 MB', async () => {
  expect(await asked(() => undefined)).toBe(0)
  const times = await asked(bytesPassed)
  // Node tells of none that falls into the marking of everything, which takes long where others work as well: 44 were seen.
  expect(times).toBeGreaterThan(16)
  expect(times).toBeLessThanOrEqual(64)
})
