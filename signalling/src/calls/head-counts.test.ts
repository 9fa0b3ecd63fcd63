import { type Call, LIMITS, type Participant } from '@trunkline/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HeadCounts } from './head-counts.ts'
import { shortened } from './shortened.ts'

const at = new Date(0).toISOString()
const person = (id: string, more: Partial<Participant> = {}): Participant => ({
  id,
  userId: `user-${id}`,
  name: id,
  joinedAt: at,
  role: 'listener',
  tracks: [],
  away: false,
  ...more,
})
const listeners = (count: number) => Array.from({ length: count }, (_, n) => person(`l${n}`))
const call = (...participants: Participant[]): Call => ({
  id: 'call_1',
  roomId: 'room',
  startedAt: at,
  locked: false,
  lobby: false,
  participants,
})
const NAMED = LIMITS.listenersNamed

describe('who is named', () => {
  test('everybody, while few listen', () => {
    const small = call(person('host', { role: 'host' }), ...listeners(NAMED))
    expect(shortened(small)).toEqual(small)
  })

  test('of many the first, and whoever is of note or is told', () => {
    const many = listeners(NAMED + 10)
    const hand = person('hand', { handRaisedAt: at })
    const speaker = person('speaker', { role: 'speaker' })
    const withKeys = person('keys', { encryption: { key: 'abc', suite: 'x' } as never })
    const told = shortened(call(...many, hand, speaker, withKeys), 'l57')
    expect(told.participants.map(({ id }) => id)).toEqual([
      ...many.slice(0, NAMED).map(({ id }) => id),
      'l57',
      'hand',
      'speaker',
      'keys',
    ])
    expect(told.moreListeners).toBe(9)
  })
})

describe('what is told', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const start = () => {
    const told: (number | undefined | null)[] = []
    const counts = new HeadCounts((_, now) => told.push(now === null ? null : now.moreListeners))
    const tell = (count: number, ...others: Participant[]) =>
      counts.tell('room', shortened(call(...listeners(count), ...others)))
    return { told, counts, tell }
  }

  test('of a call that names all, everything and at once', () => {
    const { told, tell } = start()
    for (const count of [1, 2, 2, 3]) tell(count)
    expect(told).toEqual([undefined, undefined, undefined, undefined])
  })

  test('listeners who are only counted are told of together, whoever is of note at once', () => {
    const { told, tell } = start()
    for (const more of [1, 2, 3, 4]) tell(NAMED + more)
    expect(told).toEqual([1])
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual([1, 4])
    tell(NAMED + 5)
    tell(NAMED + 6, person('speaker', { role: 'speaker' }))
    expect(told).toEqual([1, 4, 6])
    vi.advanceTimersByTime(60_000)
    expect(told).toEqual([1, 4, 6])
  })

  test('a count that ends is told, and so is the end of the call', () => {
    const { told, counts, tell } = start()
    tell(NAMED + 1)
    tell(NAMED)
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual([1, undefined])
    tell(NAMED + 2)
    tell(NAMED + 1)
    counts.tell('room', null)
    vi.advanceTimersByTime(60_000)
    expect(told).toEqual([1, undefined, 2, null])
  })
})
