import { expect, it, onTestFinished, vi } from 'vitest'
import { Pulse } from './pulse.ts'

const well = { failingSince: null, failures: 0, retryAt: null, problem: null }

it('what failed at once makes an endpoint dead by one failure, and what is tried after it counts', () => {
  vi.useFakeTimers({ now: 1_000_000 })
  onTestFinished(() => void vi.useRealTimers())
  const pulse = new Pulse(well as ConstructorParameters<typeof Pulse>[0])
  const at = new Date()
  vi.advanceTimersByTime(100)
  for (let n = 0; n < 64; n++) pulse.failed(`room-${n}`, at, 'It was away.', 0)
  expect(pulse.failing).toMatchObject({ failures: 1, problem: 'It was away.' })
  expect(pulse.retryAt - Date.now()).toBeLessThanOrEqual(1_000)
  vi.advanceTimersByTime(1_000)
  pulse.failed('room-0', new Date(), 'It was away.', 0)
  // Two that began in the same moment are one.
  pulse.failed('room-1', new Date(), 'It was away.', 0)
  expect(pulse.failing).toMatchObject({ failures: 2 })
  expect(pulse.taken()).toBe(true)
  expect(pulse.isDead).toBe(false)
})
