import type { Member, RoomEvent } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { Roster } from './roster.ts'

const at = '2026-01-01T00:00:00.000Z'
const member = (id: string, kind: 'user' | 'guest', deliveredSeq: number, readSeq: number): Member => ({
  user: { id, name: id, kind },
  role: 'publisher',
  deliveredSeq,
  readSeq,
  joinedAt: at,
})
const message: RoomEvent = {
  roomId: 'r',
  seq: 5,
  at,
  sender: 'me',
  type: 'message.created',
  data: { parts: [{ mime: 'text/plain', text: 'x' }] },
}
const rosterOf = (members: Member[], online: string[]) => {
  const roster = new Roster(userId => (online.includes(userId) ? 'online' : 'offline'))
  const me = member('me', 'user', 0, 0)
  roster.start({ me, members: [me, ...members], room: { lastSeq: 5, memberCount: members.length + 1 } })
  return roster
}

test('a message is sent, delivered to all, read by all', () => {
  const roster = rosterOf([member('ann', 'user', 4, 4), member('bob', 'user', 5, 5)], ['ann', 'bob'])
  expect(roster.stateOf(message)).toBe('sent')
  roster.applyReceipt({ roomId: 'r', userId: 'ann', deliveredSeq: 5, readSeq: 4 })
  expect(roster.stateOf(message)).toBe('delivered')
  roster.applyReceipt({ roomId: 'r', userId: 'ann', deliveredSeq: 5, readSeq: 5 })
  expect(roster.stateOf(message)).toBe('read')
  expect(roster.reachOf(message)).toEqual({ members: 2, delivered: 2, read: 2 })
})

test('what is said in a thread is delivered, and never called read: who read the room need not have opened it', () => {
  const roster = rosterOf([member('ann', 'user', 5, 5), member('bob', 'user', 5, 4)], ['ann', 'bob'])
  const asEvent: RoomEvent = { ...message, data: { parts: [{ mime: 'text/plain', text: 'x' }], threadOf: 2 } }
  const asMessage = { seq: 5, sender: 'me', threadOf: 2 }
  for (const reply of [asEvent, asMessage]) {
    expect(roster.stateOf(reply)).toBe('delivered')
    expect(roster.reachOf(reply)).toEqual({ members: 2, delivered: 2, read: 0 })
  }
  roster.applyReceipt({ roomId: 'r', userId: 'bob', deliveredSeq: 5, readSeq: 5 })
  expect(roster.stateOf(asMessage)).toBe('delivered')
  expect(roster.stateOf({ seq: 5, sender: 'me' })).toBe('read')
})

test('nobody else has read what nobody else could', () => {
  expect(rosterOf([], []).stateOf(message)).toBe('sent')
  expect(rosterOf([member('gone', 'guest', 4, 4)], []).stateOf(message)).toBe('sent')
})

test('guests who are away are not waited for, users are', () => {
  expect(
    rosterOf([member('ann', 'user', 5, 5), member('gone', 'guest', 0, 0)], ['ann']).stateOf(message),
  ).toBe('read')
  expect(rosterOf([member('ann', 'user', 5, 5), member('bob', 'user', 0, 0)], ['ann']).stateOf(message)).toBe(
    'sent',
  )
})

test('a guest who leaves takes nothing back', () => {
  expect(rosterOf([member('gone', 'guest', 5, 4)], []).stateOf(message)).toBe('delivered')
})

test('the log brings members in and lets them go', () => {
  const roster = rosterOf([], [])
  const user = { id: 'ann', name: 'Ann', kind: 'user' as const }
  expect(
    roster.apply({ roomId: 'r', seq: 6, at, type: 'member.joined', data: { user, role: 'member' } }),
  ).toBe(true)
  expect(roster.get('ann')?.role).toBe('member')
  expect(roster.apply({ roomId: 'r', seq: 7, at, type: 'member.left', data: { userId: 'ann' } })).toBe(true)
  expect(roster.get('ann')).toBeUndefined()
})

test('a member is renamed by a notice; what the log tells of before the list was read does not bring the name back', () => {
  const roster = rosterOf([member('ann', 'user', 0, 0)], [])
  expect(roster.rename({ id: 'nobody', name: 'Nobody', kind: 'user' })).toBe(false)
  expect(roster.rename({ id: 'ann', name: 'Ann Lee', kind: 'user', avatar: '/avatars/a' })).toBe(true)
  const joined = (seq: number, name: string): RoomEvent => {
    const data = { user: { id: 'ann', name, kind: 'user' as const }, role: 'publisher' as const }
    return { roomId: 'r', seq, at, type: 'member.joined', data }
  }
  roster.apply(joined(4, 'ann'))
  expect(roster.get('ann')?.user).toEqual({ id: 'ann', name: 'Ann Lee', kind: 'user', avatar: '/avatars/a' })
  roster.apply(joined(6, 'Ann again'))
  expect(roster.get('ann')?.user.name).toBe('Ann again')
})
