import { expect, it } from 'vitest'
import { ReportedClock } from './reported-clock.ts'

const NTP_2026 = 3_976_000_000

it('tells what a report says of the clock its packets have, and of no other', () => {
  let now = 1_000
  const clock = new ReportedClock(90_000, () => now)
  const report = (rtpTs: number, ntpSec = NTP_2026) => clock.read({ rtpTs, ntpSec, ntpFrac: 2 ** 31 })
  expect(report(1)).toBeUndefined()
  clock.learn(2 ** 32 - 45_000)
  now += 1_000
  // A second later, and an encoder's time before that: over the end of what fits in 32 bits.
  expect(report(45_000 + 9_000)).toEqual({
    timestamp: 54_000,
    sentMs: (NTP_2026 - 2_208_988_800 + 0.5) * 1_000,
  })
  expect(report(2 ** 32 - 45_000)).toBeDefined()
  // Another size of the picture has another clock.
  expect(report(2_000_000_000)).toBeUndefined()
  expect(report(45_000 + 4 * 90_000)).toBeUndefined()
  // A sender without a clock on its wall.
  expect(report(54_000, 0)).toBeUndefined()
  expect(clock.read({})).toBeUndefined()
})
