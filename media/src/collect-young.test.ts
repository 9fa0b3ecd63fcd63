import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { bytesPassed } from './collect-young.ts'

const fullCollections = async (pass: (bytes: number) => void): Promise<number> => {
  let full = 0
  const observer = new PerformanceObserver(list => {
    // Of these entries, which the types do not know, see https://nodejs.org/api/perf_hooks.html#performanceentrydetail
    for (const entry of list.getEntries() as unknown as { detail: { kind: number } }[]) {
      if (entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full++
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  for (let n = 0; n < 16_384; n++) {
    pass(Buffer.allocUnsafeSlow(65_536).byteLength)
    if (n % 16 === 0) await turn()
  }
  await turn()
  observer.disconnect()
  return full
}

it('a gigabyte that passes hardly makes the whole memory be looked through', async () => {
  const usual = await fullCollections(() => undefined)
  const told = await fullCollections(bytesPassed)
  expect(usual).toBeGreaterThan(10)
  expect(told).toBeLessThan(usual / 2)
})
