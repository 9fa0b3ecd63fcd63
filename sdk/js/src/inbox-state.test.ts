import type { InboxEntry, RoomEvent, RoomNews, SyncAnswer } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { InboxState } from './inbox-state.ts'

const at = (seq: number) => new Date(Date.UTC(2026, 0, 1) + seq * 1_000).toISOString()

const newsOf = (id: string, lastSeq: number, more: Partial<InboxEntry> = {}): RoomNews =>
  ({
    room: { id, kind: 'group', title: id, lastSeq, archivedAt: null, memberCount: 2 },
    me: {
      user: { id: 'me', name: 'Me', kind: 'user' },
      role: 'publisher',
      deliveredSeq: lastSeq,
      readSeq: lastSeq,
      joinedAt: at(0),
    },
    unread: 0,
    mentions: 0,
    lastMessage: null,
    activeAt: at(lastSeq),
    events: [],
    hasMore: false,
    ...more,
  }) as RoomNews

const answerOf = (rooms: RoomNews[], more: Partial<SyncAnswer> = {}): SyncAnswer => ({
  rooms,
  left: [],
  pending: [],
  cursor: 'c',
  hasMore: false,
  reset: false,
  ...more,
})

const event = (seq: number, type: RoomEvent['type'], data: object, sender = 'ann', roomId = 'r'): RoomEvent =>
  ({ roomId, seq, at: at(seq), sender, type, data }) as RoomEvent
const said = (seq: number, more: object = {}, sender = 'ann', roomId = 'r') =>
  event(seq, 'message.created', { parts: [{ mime: 'text/plain', text: `m${seq}` }], ...more }, sender, roomId)

const stateWith = (...rooms: RoomNews[]) => {
  const state = new InboxState(userId => userId === 'blocked')
  state.take(answerOf(rooms, { reset: true }), true)
  return state
}
const counts = (state: InboxState, roomId = 'r') => {
  const { unread, mentions } = state.get(roomId) ?? {}
  return { unread, mentions }
}

test('what others say counts; what we say, what is silent and what blocked users say does not', () => {
  const state = stateWith(newsOf('r', 1), newsOf('s', 9))
  expect(state.entries.live.map(({ room }) => room.id)).toEqual(['s', 'r'])
  for (const it of [
    said(2, {}, 'me'),
    said(3, { silent: true }),
    said(4, {}, 'blocked'),
    said(5, { mentions: ['me'] }),
    said(6, { mentions: ['bob'] }),
    event(7, 'node.published', { node: 'status', payload: { text: 'x' } }),
  ]) {
    expect(state.apply(it)).toBe('changed')
  }
  expect(counts(state)).toEqual({ unread: 2, mentions: 1 })
  expect(state.get('r')?.lastMessage?.text).toBe('m6')
  expect(state.apply(said(7, {}))).toBe('nothing')
  state.apply(said(8))
  state.apply(said(9))
  state.apply(said(10))
  expect(state.entries.live.map(({ room }) => room.id)).toEqual(['r', 's'])
})

test('a number that is jumped over, or a room not known, is asked for', () => {
  const state = stateWith(newsOf('r', 1))
  expect(state.apply(said(3))).toBe('ask')
  expect(counts(state)).toEqual({ unread: 0, mentions: 0 })
  expect(state.apply(said(1, {}, 'ann', 'new'))).toBe('ask')
  state.take(answerOf([newsOf('r', 3, { unread: 2 })]), true)
  expect(state.apply(said(3))).toBe('nothing')
  expect(counts(state).unread).toBe(2)
})

test('what is deleted or speaks to somebody else counts no more', () => {
  const state = stateWith(newsOf('r', 1))
  state.apply(said(2, { mentions: ['me'] }))
  state.apply(said(3))
  const edit = event(4, 'message.edited', { messageSeq: 2, parts: [], mentions: [] })
  expect(state.apply(edit)).toBe('changed')
  expect(counts(state)).toEqual({ unread: 2, mentions: 0 })
  expect(state.apply(event(5, 'message.deleted', { messageSeq: 2 }))).toBe('changed')
  expect(counts(state)).toEqual({ unread: 1, mentions: 0 })
  // The latest went: which one is the latest now, the server knows.
  expect(state.apply(event(6, 'message.deleted', { messageSeq: 3 }))).toBe('ask')
  expect(counts(state)).toEqual({ unread: 0, mentions: 0 })
})

test('a deletion among unread messages from before we listened is asked for, among read ones not', () => {
  const unread = newsOf('r', 5, { unread: 3 })
  const state = stateWith({ ...unread, me: { ...unread.me, readSeq: 2 } })
  expect(state.apply(event(6, 'message.deleted', { messageSeq: 4 }))).toBe('ask')
  expect(state.apply(event(7, 'message.deleted', { messageSeq: 1 }))).toBe('changed')
  expect(counts(state).unread).toBe(3)
})

test('what is read here counts no more at once, and an answer that does not know of it yet changes nothing', () => {
  const state = stateWith(newsOf('r', 1))
  state.apply(said(2, { mentions: ['me'] }))
  state.apply(said(3))
  expect(state.read('r', 2)).toBe('changed')
  expect(counts(state)).toEqual({ unread: 1, mentions: 0 })
  expect(state.read('r', 3)).toBe('changed')
  const old = newsOf('r', 3, { unread: 2, mentions: 1 })
  state.take(answerOf([{ ...old, me: { ...old.me, readSeq: 1 } }]), true)
  expect(counts(state)).toEqual({ unread: 0, mentions: 0 })
})

test("the server's counts win, unless they are of an earlier reading", () => {
  const state = stateWith(newsOf('r', 4, { unread: 3 }))
  expect(state.count({ roomId: 'r', unread: 0, mentions: 0, readSeq: 4 })).toBe('changed')
  expect(counts(state).unread).toBe(0)
  expect(state.count({ roomId: 'r', unread: 2, mentions: 0, readSeq: 2 })).toBe('nothing')
  expect(counts(state).unread).toBe(0)
})

test('an answer in parts is forgotten for once only; rooms left go; archived ones stand apart', () => {
  const state = stateWith(newsOf('gone', 1))
  state.take(answerOf([newsOf('a', 1)], { reset: true, hasMore: true }), true)
  state.take(answerOf([newsOf('b', 2)], { reset: true }), false)
  expect(state.entries.live.map(({ room }) => room.id)).toEqual(['b', 'a'])
  expect(state.apply(event(3, 'room.archived', {}, 'ann', 'b'))).toBe('changed')
  expect(state.entries.live.map(({ room }) => room.id)).toEqual(['a'])
  expect(state.entries.archived.map(({ room }) => room.id)).toEqual(['b'])
  state.take(answerOf([], { left: ['a'] }), true)
  expect(state.entries.live).toEqual([])
})

test('the other one of a direct room has another name or picture, and so has oneself', () => {
  const ann = { id: 'ann', name: 'Ann', kind: 'user' as const }
  const state = stateWith(newsOf('r', 1, { peer: ann }), newsOf('s', 2))
  const before = state.entries
  expect(state.rename({ id: 'zed', name: 'Zed', kind: 'user' })).toBe('nothing')
  expect(state.entries).toBe(before)
  const renamed = { ...ann, name: 'Ann Lee', avatar: '/avatars/a' }
  expect(state.rename(renamed)).toBe('changed')
  expect(state.get('r')?.peer).toEqual(renamed)
  expect(state.get('s')).not.toHaveProperty('peer')
  expect(state.entries).not.toBe(before)
  state.rename({ id: 'me', name: 'Myself', kind: 'user' })
  expect(state.entries.live.map(({ me }) => me.user.name)).toEqual(['Myself', 'Myself'])
})

test('what became of calls is asked for, and the last call gives way to what is said after it', () => {
  const lastCall = { roomId: 'r', outcome: 'missed', startedAt: at(5), userIds: [] } as const
  const state = stateWith(newsOf('r', 5, { lastCall: { ...lastCall, userIds: [] } }))
  expect(
    state.apply(event(6, 'ring.ended', { ringId: 'x', media: 'audio', from: 'ann', missed: ['me'] })),
  ).toBe('ask')
  expect(state.apply(event(7, 'call.ended', { callId: 'c', durationMs: 1 }))).toBe('ask')
  expect(state.apply(event(8, 'ring.accepted', { ringId: 'x' }))).toBe('changed')
  expect(state.get('r')?.lastCall).toBeDefined()
  state.apply(said(9))
  expect(state.get('r')).toMatchObject({ lastMessage: { seq: 9 } })
  expect(state.get('r')?.lastCall).toBeUndefined()
})
