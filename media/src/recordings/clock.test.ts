import { expect, it } from 'vitest'
import { TrackClock } from './clock.ts'

/** Numbers that look like chance and are the same each time (mulberry32). */
const random = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Sent = { sequence: number; timestamp: number; sentMs: number; arrivedMs: number }

/** A track of so many seconds, whose clock is fast by `ppm`, behind a network that delays each packet. */
const track = (options: {
  rate: number
  everyMs: number
  seconds: number
  ppm: number
  delay: (ms: number) => number
}): Sent[] => {
  const { rate, everyMs, seconds, ppm, delay } = options
  return Array.from({ length: Math.floor((seconds * 1_000) / everyMs) }, (_, n) => {
    const sentMs = 3_000 + n * everyMs
    const timestamp = 1_000_000 + Math.round((n * everyMs * rate * (1 + ppm / 1e6)) / 1_000)
    return { sequence: 70_000 + n, timestamp, sentMs, arrivedMs: sentMs + delay(sentMs) }
  })
}

const learn = (rate: number, packets: readonly Sent[]): TrackClock => {
  const clock = new TrackClock(rate)
  for (const { sequence, timestamp, arrivedMs } of packets) clock.learn(sequence, timestamp, arrivedMs)
  clock.settle()
  return clock
}
const errors = (clock: TrackClock, packets: readonly Sent[]): number[] =>
  packets.map(({ sequence, timestamp, sentMs }) => clock.timeOf(sequence, timestamp) - sentMs)

it.each([-120, 0, 120])(
  'a clock that is off by %i ppm is followed for an hour, through jitter and slow minutes',
  ppm => {
    const chance = random(7)
    // Twenty to a hundred ms, and from the tenth minute to the twelfth a second more.
    const delay = (ms: number) => 20 + 80 * chance() ** 2 + (ms > 600_000 && ms < 720_000 ? 400 : 0)
    const packets = track({ rate: 48_000, everyMs: 20, seconds: 3_600, ppm, delay })
    const off = errors(learn(48_000, packets), packets).map(error => error - 20)
    // What remains of the minutes that told nothing is what clocks may drift meanwhile.
    expect(off.filter(error => Math.abs(error) > 25)).toEqual([])
    expect(Math.abs(off.reduce((sum, error) => sum + error, 0) / off.length)).toBeLessThan(5)
  },
)

it('sound and picture of two clocks and two delays are within 50 ms of each other', () => {
  const chance = random(11)
  const sound = track({ rate: 48_000, everyMs: 20, seconds: 600, ppm: 60, delay: () => 25 + 15 * chance() })
  const picture = track({
    rate: 90_000,
    everyMs: 40,
    seconds: 600,
    ppm: -60,
    delay: () => 40 + 60 * chance(),
  })
  const [a, b] = [learn(48_000, sound), learn(90_000, picture)]
  const apart = errors(b, picture).map(
    (error, n) => error - (errors(a, sound.slice(2 * n, 2 * n + 1))[0] ?? 0),
  )
  expect(apart.filter(error => Math.abs(error) > 50)).toEqual([])
})

it("a sender's report tells what no packet does: how long an encoder took", () => {
  const clock = new TrackClock(90_000)
  const packets = track({ rate: 90_000, everyMs: 40, seconds: 20, ppm: 0, delay: () => 180 })
  for (const { sequence, timestamp, arrivedMs, sentMs } of packets) {
    clock.learn(sequence, timestamp, arrivedMs)
    if (sequence % 100 === 0) clock.report(timestamp)?.(sentMs + 1)
  }
  clock.settle()
  expect(errors(clock, packets).filter(error => error < 0 || error > 3)).toEqual([])
})

it('timestamps that jump, and clocks that went on in a pause, begin anew', () => {
  const clock = new TrackClock(48_000)
  const packets = track({ rate: 48_000, everyMs: 20, seconds: 4, ppm: 0, delay: () => 30 })
  // After a pause of ten seconds the sender's clock has not moved.
  const later = packets.map(packet => ({
    ...packet,
    sequence: packet.sequence + 1_000,
    timestamp: packet.timestamp + 4 * 48_000,
    sentMs: packet.sentMs + 14_000,
    arrivedMs: packet.arrivedMs + 14_000,
  }))
  for (const one of [...packets, ...later]) clock.learn(one.sequence, one.timestamp, one.arrivedMs)
  // What is recorded goes on where it was, and the sender's clock has moved by 200 ms.
  clock.restart()
  const resumed = packets.map(packet => ({
    ...packet,
    sequence: packet.sequence + 2_000,
    timestamp: packet.timestamp + 8 * 48_000 + 9_600,
    sentMs: packet.sentMs + 18_000,
    arrivedMs: packet.arrivedMs + 18_000,
  }))
  for (const one of resumed) clock.learn(one.sequence, one.timestamp, one.arrivedMs)
  clock.settle()
  const off = errors(clock, [...packets, ...later, ...resumed])
  expect(off.filter(error => Math.abs(error - 30) > 1)).toEqual([])
})
