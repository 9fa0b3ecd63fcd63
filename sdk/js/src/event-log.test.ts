import type { RoomEvent } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { EventLog } from './event-log.ts'

const event = (seq: number): RoomEvent => ({
  roomId: 'r',
  seq,
  at: '2026-01-01T00:00:00.000Z',
  type: 'member.left',
  data: { userId: 'u' },
})
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i))
const seqs = (events: readonly RoomEvent[]) => events.map(({ seq }) => seq)

test('events that arrive before the first page wait for it', () => {
  const log = new EventLog()
  expect(log.append([event(4), event(5)])).toEqual([])
  expect(log.gap).toBe(false)
  log.start(range(1, 4), 4)
  expect(seqs(log.events)).toEqual([1, 2, 3, 4, 5])
  expect(log.last).toBe(5)
})

test('a jump is a gap until the missing ones come, in any order and twice', () => {
  const log = new EventLog()
  log.start(range(1, 2), 2)
  expect(log.append([event(5)])).toEqual([])
  expect(log.gap).toBe(true)
  expect(seqs(log.append([event(4), event(3), event(3)]))).toEqual([3, 4, 5])
  expect(log.append([event(4)])).toEqual([])
  expect(log.gap).toBe(false)
  expect(seqs(log.events)).toEqual([1, 2, 3, 4, 5])
})

test('an empty log knows its length', () => {
  const log = new EventLog()
  log.start([], 0)
  expect(log.last).toBe(0)
  expect(seqs(log.append([event(1)]))).toEqual([1])
})

test('earlier pages join on at the front, without doubles and never with a hole', () => {
  const log = new EventLog()
  log.start(range(10, 12), 12)
  expect(seqs(log.prepend(range(8, 10)))).toEqual([8, 9])
  expect(log.prepend(range(1, 3))).toEqual([])
  expect(seqs(log.events)).toEqual([8, 9, 10, 11, 12])
})
