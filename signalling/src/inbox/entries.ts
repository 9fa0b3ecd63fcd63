import {
  type InboxEntry,
  type PendingEntry,
  type RoomPreview,
  rolesWith,
  type User,
} from '@trunkline/protocol'
import { and, asc, eq, inArray, isNotNull, ne, type SQL, sql } from 'drizzle-orm'
import { latestCallsOf } from '../calls/call-history.ts'
import type { MessageReader } from '../chat/message-reader.ts'
import type { Executor } from '../database.ts'
import { toUser, userColumns } from '../identity/users.ts'
import { toRoom } from '../rooms/rooms.ts'
import { members, rooms, users } from '../schema.ts'
import { countsOf } from './counts.ts'

/** A room of a user's own, with the user's membership. */
export type OwnRoom = { room: typeof rooms.$inferSelect; member: typeof members.$inferSelect }

/** When something was last said or people called in a room; before that, when it was made. */
export const activeAt = sql`coalesce(greatest(${rooms.lastMessageAt}, ${rooms.lastCallAt}), ${rooms.createdAt})`

const activeAtOf = ({ lastMessageAt, lastCallAt, createdAt }: OwnRoom['room']): Date => {
  const times = [lastMessageAt, lastCallAt].filter(time => time !== null)
  return times.length === 0 ? createdAt : new Date(Math.max(...times.map(time => time.getTime())))
}

/** Rooms a user may read which meet a condition. */
export const ownRooms = (
  executor: Executor,
  userId: string,
  query: { where?: SQL | undefined; orderBy: readonly SQL[]; limit: number },
): Promise<OwnRoom[]> =>
  executor
    .select({ room: rooms, member: members })
    .from(members)
    .innerJoin(rooms, eq(rooms.id, members.roomId))
    .where(and(eq(members.userId, userId), inArray(members.role, rolesWith('read')), query.where))
    .orderBy(...query.orderBy)
    .limit(query.limit)

/** Rooms of a user as lists show them, in the same order: some queries, however many rooms. */
export const entriesOf = async (
  executor: Executor,
  reader: MessageReader,
  user: User,
  own: readonly OwnRoom[],
): Promise<InboxEntry[]> => {
  const said = own.flatMap(({ room }) =>
    room.lastMessageSeq === null ? [] : { roomId: room.id, seq: room.lastMessageSeq },
  )
  const direct = own.filter(({ room }) => room.kind === 'direct').map(({ room }) => room.id)
  const counts = await countsOf(
    executor,
    user.id,
    own.map(({ room }) => room.id),
  )
  const messages = new Map((await reader.find(said, executor)).map(message => [message.roomId, message]))
  const peers = await peersOf(executor, user.id, direct)
  const called = own.filter(({ room }) => (room.lastCallSeq ?? 0) > (room.lastMessageSeq ?? 0))
  const lastCalls = await latestCallsOf(
    executor,
    user.id,
    called.map(({ room }) => room.id),
  )
  return own.map(({ room, member }) => {
    const peer = peers.get(room.id)
    const lastCall = lastCalls.get(room.id)
    return {
      room: toRoom(room),
      me: {
        user,
        role: member.role,
        deliveredSeq: member.deliveredSeq,
        readSeq: member.readSeq,
        joinedAt: member.joinedAt.toISOString(),
      },
      ...counts(room.id),
      lastMessage: messages.get(room.id) ?? null,
      ...(lastCall ? { lastCall } : {}),
      ...(peer ? { peer } : {}),
      activeAt: activeAtOf(room).toISOString(),
    }
  })
}

const peersOf = async (
  executor: Executor,
  userId: string,
  roomIds: readonly string[],
): Promise<Map<string, User>> => {
  if (roomIds.length === 0) return new Map()
  const rows = await executor
    .select({ roomId: members.roomId, ...userColumns })
    .from(members)
    .innerJoin(users, eq(users.id, members.userId))
    .where(and(inArray(members.roomId, [...roomIds]), ne(members.userId, userId)))
  return new Map(rows.map(({ roomId, ...user }) => [roomId, toUser(user)]))
}

/** Rooms a user is not in yet, those that wait longest first. */
export const pendingOf = async (
  executor: Executor,
  userId: string,
  limit: number,
): Promise<PendingEntry[]> => {
  const rows = await executor
    .select({ room: rooms, pending: members.pending, since: members.joinedAt })
    .from(members)
    .innerJoin(rooms, eq(rooms.id, members.roomId))
    .where(and(eq(members.userId, userId), eq(members.role, 'pending'), isNotNull(members.pending)))
    .orderBy(asc(members.joinedAt), asc(members.roomId))
    .limit(limit)
  return rows.map(({ room, pending, since }) => ({
    room: previewOf(room),
    pending: pending ?? 'invited',
    since: since.toISOString(),
  }))
}

const previewOf = ({
  id,
  kind,
  title,
  description,
  avatar,
  access,
  memberCount,
}: typeof rooms.$inferSelect): RoomPreview => ({
  id,
  kind,
  title,
  description,
  avatar,
  access,
  memberCount,
})
