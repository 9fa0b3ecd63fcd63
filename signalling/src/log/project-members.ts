import { RIGHTS, type Role, type RoomEventOf } from '@trunkline/protocol'
import { MEMBERS_CHANNEL } from '../rooms/members-channel.ts'
import type { Connection } from './connection.ts'
import { stopRinging } from './project-calls.ts'

type MemberEvent = RoomEventOf<
  | 'member.invited'
  | 'member.requested'
  | 'member.joined'
  | 'member.changed'
  | 'member.left'
  | 'member.removed'
  | 'member.banned'
  | 'member.unbanned'
>

/** A row of `members` as an event makes it; nothing: there is none any more. */
type Membership = {
  role: Role
  pending?: 'invited' | 'requested'
  offered?: Role
  banReason?: string | undefined
  banUntil?: string | undefined
  bannedBy?: string | undefined
}

const membershipAfter = (event: MemberEvent): Membership | undefined => {
  switch (event.type) {
    case 'member.invited':
      return { role: 'pending', pending: 'invited', offered: event.data.role }
    case 'member.requested':
      return { role: 'pending', pending: 'requested' }
    case 'member.joined':
    case 'member.changed':
      return { role: event.data.role }
    case 'member.banned':
      return {
        role: 'banned',
        banReason: event.data.reason,
        banUntil: event.data.until,
        bannedBy: event.sender,
      }
    default:
      return undefined
  }
}

/**
 * Writes what becomes of a membership, counts those who may read, remembers for sync who went, and tells all nodes.
 * `joined_at` is since when one is what one is: a change of role does not touch it. Who joins has nothing unread: what
 * was said before was not said to them.
 */
export const projectMember = async ({ $client }: Connection, event: MemberEvent): Promise<void> => {
  const { roomId, seq, at, data } = event
  const userId = 'user' in data ? data.user.id : data.userId
  const { rows } = await $client.query('select role from members where room_id = $1 and user_id = $2', [
    roomId,
    userId,
  ])
  const before: Role | undefined = rows[0]?.role
  // A ban is lifted, not a member sent away.
  if (event.type === 'member.unbanned' && before !== 'banned') return
  const after = membershipAfter(event)
  const mayRead = after !== undefined && RIGHTS[after.role].read

  if (after) {
    await $client.query({
      name: 'log.member_set',
      text: `insert into members
          (room_id, user_id, role, joined_at, pending, offered, ban_reason, ban_until, banned_by, delivered_seq, read_seq)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
        on conflict (room_id, user_id) do update set
          role = excluded.role, pending = excluded.pending, offered = excluded.offered,
          ban_reason = excluded.ban_reason, ban_until = excluded.ban_until, banned_by = excluded.banned_by,
          joined_at = case when $11 then members.joined_at else excluded.joined_at end,
          delivered_seq = greatest(members.delivered_seq, excluded.delivered_seq),
          read_seq = greatest(members.read_seq, excluded.read_seq),
          tx = pg_current_xact_id()`,
      values: [
        roomId,
        userId,
        after.role,
        at,
        after.pending ?? null,
        after.offered ?? null,
        after.banReason ?? null,
        after.banUntil ?? null,
        after.bannedBy ?? null,
        event.type === 'member.joined' ? seq : 0,
        event.type === 'member.changed',
      ],
    })
  } else {
    await $client.query('delete from members where room_id = $1 and user_id = $2', [roomId, userId])
  }

  // Who is kept out without ever having been in is told nothing, and learns of no room.
  const wasIn = before !== undefined && before !== 'banned'
  if (wasIn && (!after || after.role === 'banned')) {
    await $client.query(
      `insert into departures (user_id, room_id, barred_at) values ($1, $2, $3)
       on conflict (user_id, room_id) do update set tx = pg_current_xact_id(), barred_at = excluded.barred_at`,
      [userId, roomId, event.type === 'member.left' ? null : at],
    )
  } else if (mayRead) {
    await $client.query('delete from departures where user_id = $1 and room_id = $2', [userId, roomId])
  }

  if (!after || !RIGHTS[after.role].call) await stopRinging({ $client }, { roomId, userId, seq })

  const more = Number(mayRead) - Number(before !== undefined && RIGHTS[before].read)
  if (more !== 0) {
    await $client.query('update rooms set member_count = member_count + $2 where id = $1', [roomId, more])
  }
  await $client.query('select pg_notify($1, $2)', [
    MEMBERS_CHANNEL,
    JSON.stringify({ roomId, userId, type: event.type }),
  ])
}
