import type { RoomEvent, RoomMessage } from '@trunkline/sdk'
import { expect, test } from 'vitest'
import { type TimelineInput, timelineOf } from './timeline.ts'
import { dayWord, typingWord } from './words.ts'

const message = (seq: number, sender: string, at: string, clientId?: string): RoomMessage => ({
  roomId: 'r',
  seq,
  at,
  sender,
  ...(clientId && { clientId }),
  parts: [{ mime: 'text/plain', text: `${seq}` }],
})
const event = <T extends RoomEvent['type']>(
  seq: number,
  type: T,
  data: Extract<RoomEvent, { type: T }>['data'],
  sender?: string,
): RoomEvent =>
  ({
    roomId: 'r',
    seq,
    at: '2026-03-01T12:00:00.000Z',
    type,
    data,
    ...(sender && { sender }),
  }) as unknown as RoomEvent
const joined = (seq: number, id: string, sender?: string) =>
  event(seq, 'member.joined', { user: { id, name: id, kind: 'user' }, role: 'publisher' }, sender)

const timeline = (input: Partial<TimelineInput>) =>
  timelineOf({
    messages: [],
    events: [],
    pending: [],
    me: { id: 'me', name: 'Me' },
    nameOf: id => id,
    ...input,
  })
const texts = (input: Partial<TimelineInput>) =>
  timeline(input).flatMap(item => (item.kind === 'system' ? [item.text] : []))

test('messages of one person in one minute stand together', () => {
  const messages = [
    message(1, 'ann', '2026-03-01T12:00:01.000Z'),
    message(2, 'ann', '2026-03-01T12:00:40.000Z'),
    message(3, 'ann', '2026-03-01T12:01:00.000Z'),
    message(4, 'me', '2026-03-01T12:01:10.000Z'),
  ]
  const items = timeline({ messages })
  expect(items.map(it => (it.kind === 'message' ? [it.starts, it.ends, it.own] : it.kind))).toEqual([
    'day',
    [true, false, false],
    [false, true, false],
    [true, true, false],
    [true, true, true],
  ])
})

test('a new day has a separator; what happened interrupts a group and names who left', () => {
  const at = '2026-03-03T12:00:20.000Z'
  const came: RoomEvent = {
    roomId: 'r',
    seq: 1,
    at: '2026-03-01T12:00:00.000Z',
    type: 'member.joined',
    data: { user: { id: 'ann', name: 'Ann', kind: 'guest' }, role: 'publisher' },
  }
  const left: RoomEvent = { roomId: 'r', seq: 3, at, type: 'member.left', data: { userId: 'ann' } }
  const items = timeline({
    messages: [message(2, 'ann', '2026-03-03T12:00:10.000Z'), message(4, 'ann', at)],
    events: [came, left],
    nameOf: () => undefined,
  })
  expect(items.map(({ kind }) => kind)).toEqual(['day', 'system', 'day', 'message', 'system', 'message'])
  expect(items[4]).toMatchObject({ text: 'Ann left the room' })
  expect(items[5]).toMatchObject({ starts: true, name: 'Ann' })
})

test('a message keeps its key when it is acknowledged', () => {
  const at = '2026-03-01T12:00:00.000Z'
  const pending = [{ clientId: 'c1', parts: [], at, state: 'sending' as const }]
  const before = timeline({ pending }).at(-1)
  const after = timeline({ messages: [message(1, 'me', at, 'c1')] }).at(-1)
  expect(before?.key).toBe(after?.key)
})

test('what says nothing takes no line and interrupts nothing', () => {
  const at = '2026-03-01T12:00:00.000Z'
  const items = timeline({
    messages: [message(1, 'ann', at), message(5, 'ann', at)],
    events: [
      event(2, 'reaction.added', { messageSeq: 1, reaction: '👍' }, 'me'),
      event(3, 'event.hidden', {}),
      event(4, 'node.published', { node: 'status', payload: {} }, 'me'),
    ],
  })
  expect(items.map(({ kind }) => kind)).toEqual(['day', 'message', 'message'])
  expect(items[1]).toMatchObject({ ends: false })
})

test('those who come in one after another share a line; who was added by somebody does not', () => {
  expect(texts({ events: ['ann', 'bob', 'cleo', 'dan'].map((id, index) => joined(index + 1, id)) })).toEqual([
    'ann, bob and 2 others came into the room',
  ])
  expect(texts({ events: [joined(1, 'ann'), joined(2, 'bob', 'bob'), joined(3, 'cleo', 'ann')] })).toEqual([
    'ann and bob came into the room',
    'ann added cleo',
  ])
  const created = event(1, 'room.created', { kind: 'group', title: '' }, 'ann')
  expect(texts({ events: [created, joined(2, 'ann', 'ann'), joined(3, 'bob', 'ann')] })).toEqual([
    'ann created the room',
    'ann added bob',
  ])
})

test('sentences for what happens, with oneself as "you"', () => {
  const events = [
    event(1, 'room.created', { kind: 'group', title: 'Ward' }, 'me'),
    event(2, 'room.updated', { changes: { title: 'Ward 7' } }, 'ann'),
    event(3, 'room.updated', { changes: { metadata: { a: 1 } } }, 'ann'),
    event(4, 'member.changed', { userId: 'me', role: 'moderator' }, 'ann'),
    event(5, 'member.removed', { userId: 'bob', reason: 'spam' }, 'ann'),
    event(6, 'member.removed', { userId: 'cleo' }),
    event(7, 'member.requested', { user: { id: 'dan', name: 'dan', kind: 'user' }, message: 'please' }),
    event(8, 'member.banned', { userId: 'bob' }, 'me'),
    event(9, 'message.pinned', { messageSeq: 3 }, 'ann'),
    event(10, 'room.archived', {}, 'ann'),
    event(11, 'call.ended', { callId: 'c', durationMs: 120_000 }),
  ]
  expect(texts({ events })).toEqual([
    'You created the room',
    'ann renamed the room to “Ward 7”',
    'ann made you a moderator',
    'ann removed bob: spam',
    'cleo was removed',
    'dan asks to come in: please',
    'You banned bob',
    'ann pinned a message',
    'ann archived the room',
    'Call ended after 2 minutes',
  ])
  expect(timeline({ events }).find(item => item.kind === 'system' && item.about)).toMatchObject({ about: 3 })
})

test('one line marks where the unread begins; what comes later and what one said oneself is not unread', () => {
  const at = '2026-03-01T12:00:00.000Z'
  const messages = [message(1, 'ann', at), message(2, 'me', at), message(3, 'ann', at), message(4, 'ann', at)]
  const kinds = (after: number, upTo: number) =>
    timeline({ messages, unread: { after, upTo } }).map(({ kind }) => kind)
  expect(kinds(1, 4)).toEqual(['day', 'message', 'message', 'unread', 'message', 'message'])
  expect(kinds(2, 2)).not.toContain('unread')
})

test('what disappeared by itself is told from what was deleted', () => {
  const at = '2026-03-01T12:00:00.000Z'
  const gone = (seq: number) => ({ ...message(seq, 'ann', at), parts: [], deletedAt: at })
  const items = timeline({
    messages: [gone(1), gone(2)],
    events: [
      event(3, 'message.deleted', { messageSeq: 1, expired: true }),
      event(4, 'message.deleted', { messageSeq: 2 }, 'ann'),
    ],
  })
  expect(items.flatMap(item => (item.kind === 'message' ? [item.expired === true] : []))).toEqual([
    true,
    false,
  ])
})

test('words for days and typing', () => {
  const now = new Date(2026, 4, 10, 9)
  expect(dayWord(new Date(2026, 4, 10).getTime(), now)).toBe('Today')
  expect(dayWord(new Date(2026, 4, 9).getTime(), now)).toBe('Yesterday')
  expect(dayWord(new Date(2024, 4, 9).getTime(), now)).toContain('2024')
  expect(typingWord(['Ann', 'Bob'])).toBe('Ann and Bob are typing')
})

test('a call that did not come about is a line for those it was between, to try again', () => {
  const ended = (seq: number, more: object) =>
    event(seq, 'ring.ended', { ringId: `r${seq}`, media: 'video', from: 'ann', missed: [], ...more })
  const events = [
    event(1, 'ring.started', { ringId: 'r', media: 'video', userIds: ['me'], expiresAt: 'x' }, 'ann'),
    event(2, 'call.started', { callId: 'alone' }),
    ended(3, { missed: ['me'], cancelled: true }),
    event(4, 'call.ended', { callId: 'alone', durationMs: 9_000, userIds: ['ann'] }),
    ended(5, { from: 'me', missed: ['ann'], media: 'audio' }),
    ended(6, { from: 'me', cancelled: true, missed: ['ann'] }),
    ended(7, { from: 'me' }),
    ended(8, { from: 'me', answered: true, missed: ['bob'] }),
    ended(9, { missed: ['bob'] }),
    event(10, 'call.ended', { callId: 'met', durationMs: 120_000, userIds: ['ann', 'me'] }),
  ]
  expect(texts({ events })).toEqual([
    'Missed video call from ann',
    'No answer to your voice call',
    'You called off a video call',
    'Your video call was declined',
    'Call ended after 2 minutes',
  ])
  const [first] = timeline({ events }).filter(item => item.kind === 'system')
  expect(first).toMatchObject({ call: { media: 'video', missed: true } })
})

test('recordings and live streams are lines, which say why one ended by itself', () => {
  const events = [
    event(1, 'recording.started', { recordingId: 'rec_1', callId: 'c' }, 'ann'),
    event(2, 'stream.started', { streamId: 'str_1', callId: 'c' }, 'me'),
    event(3, 'stream.ended', { streamId: 'str_1', durationMs: 300_000 }),
    event(4, 'stream.ended', { streamId: 'str_2', durationMs: 1_000, problem: 'The disk is full.' }),
    event(5, 'stream.failed', { streamId: 'str_3', reason: 'Nobody took it.' }),
    event(6, 'recording.ready', { recordingId: 'rec_1', fileId: 'f', durationMs: 1, problem: 'It broke.' }),
  ]
  expect(texts({ events })).toEqual([
    'ann recorded the call',
    'You streamed the call live',
    'The live stream ended after 5 minutes',
    'The live stream ended after less than a minute: The disk is full.',
    'The live stream failed: Nobody took it.',
    'The recording of the call is ready',
  ])
  const films = timeline({ events }).flatMap(item => (item.kind === 'system' && item.film ? [item.film] : []))
  expect(films).toEqual([{ fileId: 'f', problem: 'It broke.' }])
})
