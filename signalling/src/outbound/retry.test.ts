import { LIMITS } from '@trunkline/protocol'
import { expect, it } from 'vitest'
import { retryDelay } from './retry.ts'

it('is twice as long each time, up to the longest, and by chance down to half of it', () => {
  expect([1, 2, 3, 4].map(failures => retryDelay(failures, 1))).toEqual([1_000, 2_000, 4_000, 8_000])
  expect([1, 2, 3, 4].map(failures => retryDelay(failures, 0))).toEqual([500, 1_000, 2_000, 4_000])
  for (const failures of [13, 100, 10_000]) {
    expect(retryDelay(failures, 1)).toBe(LIMITS.webhookRetryMs)
    expect(retryDelay(failures, 0)).toBe(LIMITS.webhookRetryMs / 2)
  }
})
