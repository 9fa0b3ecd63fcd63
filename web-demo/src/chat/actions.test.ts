import { RIGHTS, type Role, type RoomAction, type RoomMessage } from '@trunkline/sdk'
import { expect, test } from 'vitest'
import { actionsOf } from './actions.ts'

const at = '2026-03-01T12:00:00.000Z'
const message = (more: Partial<RoomMessage> = {}): RoomMessage => ({
  roomId: 'r',
  seq: 1,
  sender: 'ann',
  text: 'x',
  parts: [{ mime: 'text/plain', text: 'x' }],
  at,
  ...more,
})
const offered = (
  role: Role,
  options: { message?: RoomMessage; archived?: boolean; inThread?: boolean } = {},
) => {
  const room = {
    me: { user: { id: 'me' }, role },
    info: { archivedAt: options.archived ? at : null },
    can: (action: RoomAction) => RIGHTS[role][action] && !(action === 'write' && options.archived === true),
  }
  const circumstances = { room: room as never, inThread: options.inThread ?? false, canForward: false }
  return [...actionsOf(options.message ?? message(), circumstances)]
}

test('what a role does not allow is not offered', () => {
  expect(offered('member')).toEqual(['react', 'copy'])
  expect(offered('publisher')).toEqual(['react', 'reply', 'thread', 'copy', 'pin'])
  expect(offered('moderator')).toEqual(['react', 'reply', 'thread', 'copy', 'pin', 'delete'])
})

test('one changes and takes back what is one’s own; what was forwarded is not changed', () => {
  expect(offered('publisher', { message: message({ sender: 'me' }) })).toEqual(
    expect.arrayContaining(['edit', 'delete']),
  )
  const forwarded = message({ sender: 'me', forwarded: { sender: 'ann', at } })
  expect(offered('publisher', { message: forwarded })).not.toContain('edit')
})

test('an archived room is read, and moderated; threads have no threads; what is gone offers nothing', () => {
  expect(offered('publisher', { archived: true, message: message({ sender: 'me' }) })).toEqual(['copy'])
  expect(offered('owner', { archived: true })).toEqual(['copy', 'delete'])
  expect(offered('publisher', { inThread: true })).not.toContain('thread')
  expect(offered('owner', { message: message({ deletedAt: at, parts: [] }) })).toEqual([])
})
