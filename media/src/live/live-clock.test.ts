import { expect, it } from 'vitest'
import { LiveClock } from './live-clock.ts'

const RATE = 90_000
const stamp = (ms: number) => Math.round((ms * RATE) / 1_000) + 123_456

it('a packet was sent when the fastest say, however long it took itself', () => {
  const clock = new LiveClock(RATE)
  for (let ms = 0; ms < 5_000; ms += 40) clock.learn(stamp(ms), ms + 30 + (ms % 400 === 0 ? 0 : 100))
  expect(clock.timeOf(stamp(5_000))).toBeGreaterThan(5_029)
  expect(clock.timeOf(stamp(5_000))).toBeLessThan(5_032)
})

it('what the sender reports says more than its packets', () => {
  const clock = new LiveClock(RATE)
  for (let ms = 0; ms < 1_000; ms += 40) clock.learn(stamp(ms), ms + 180)
  clock.report(stamp(1_000), 1_000)
  expect(clock.timeOf(stamp(1_040))).toBeCloseTo(1_040, 0)
})

it('a sender that paused, or jumped, goes on with another clock', () => {
  const clock = new LiveClock(RATE)
  clock.learn(stamp(0), 10)
  clock.learn(stamp(40), 50)
  // Ten seconds later, and its clock stood still; then it is an hour ahead.
  clock.learn(stamp(80), 10_050)
  expect(clock.timeOf(stamp(80))).toBeCloseTo(10_050, 0)
  clock.learn(stamp(3_600_000), 10_090)
  expect(clock.timeOf(stamp(3_600_000))).toBeCloseTo(10_090, 0)
})
