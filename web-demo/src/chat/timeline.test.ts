import type { RoomEvent } from '@trunkline/sdk'
import { expect, test } from 'vitest'
import { timelineOf } from './timeline.ts'
import { dayWord, typingWord } from './words.ts'

const message = (seq: number, sender: string, at: string, clientId?: string): RoomEvent => ({
  roomId: 'r',
  seq,
  at,
  sender,
  ...(clientId && { clientId }),
  type: 'message.created',
  data: { parts: [{ mime: 'text/plain', text: `${seq}` }] },
})
const me = { id: 'me', name: 'Me' }

test('messages of one person in one minute stand together', () => {
  const events = [
    message(1, 'ann', '2026-03-01T12:00:01.000Z'),
    message(2, 'ann', '2026-03-01T12:00:40.000Z'),
    message(3, 'ann', '2026-03-01T12:01:00.000Z'),
    message(4, 'me', '2026-03-01T12:01:10.000Z'),
  ]
  const items = timelineOf({ events, pending: [], me, nameOf: id => id })
  expect(items.map(it => (it.kind === 'message' ? [it.starts, it.ends, it.own] : it.kind))).toEqual([
    'day',
    [true, false, false],
    [false, true, false],
    [true, true, false],
    [true, true, true],
  ])
})

test('a new day has a separator; what happened interrupts a group and names who left', () => {
  const joined: RoomEvent = {
    roomId: 'r',
    seq: 1,
    at: '2026-03-01T12:00:00.000Z',
    type: 'member.joined',
    data: { user: { id: 'ann', name: 'Ann', kind: 'guest' }, role: 'publisher' },
  }
  const left: RoomEvent = {
    roomId: 'r',
    seq: 3,
    at: '2026-03-03T12:00:20.000Z',
    type: 'member.left',
    data: { userId: 'ann' },
  }
  const events = [joined, message(2, 'ann', '2026-03-03T12:00:10.000Z'), left, message(4, 'ann', left.at)]
  const items = timelineOf({ events, pending: [], me, nameOf: () => undefined })
  expect(items.map(({ kind }) => kind)).toEqual(['day', 'system', 'day', 'message', 'system', 'message'])
  expect(items[4]).toMatchObject({ text: 'Ann left the room' })
  expect(items[5]).toMatchObject({ starts: true, name: 'Ann' })
})

test('a message keeps its key when it is acknowledged', () => {
  const at = '2026-03-01T12:00:00.000Z'
  const pending = [{ clientId: 'c1', parts: [], at, state: 'sending' as const }]
  const before = timelineOf({ events: [], pending, me, nameOf: () => 'Me' }).at(-1)
  const after = timelineOf({ events: [message(1, 'me', at, 'c1')], pending: [], me, nameOf: () => 'Me' }).at(
    -1,
  )
  expect(before?.key).toBe(after?.key)
})

test('words for days and typing', () => {
  const now = new Date(2026, 4, 10, 9)
  expect(dayWord(new Date(2026, 4, 10).getTime(), now)).toBe('Today')
  expect(dayWord(new Date(2026, 4, 9).getTime(), now)).toBe('Yesterday')
  expect(dayWord(new Date(2024, 4, 9).getTime(), now)).toContain('2024')
  expect(typingWord(['Ann', 'Bob'])).toBe('Ann and Bob are typing')
})
