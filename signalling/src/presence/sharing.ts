import { rolesWith } from '@trunkline/protocol'
import { and, eq, inArray } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Database } from '../database.ts'
import { isOneOf } from '../one-of.ts'
import { members } from '../schema.ts'

/** Those of these users who share a room with one, both of them reading it. */
export const sharing = async (
  database: Database,
  userId: string,
  others: readonly string[],
): Promise<Set<string>> => {
  if (others.length === 0) return new Set()
  const own = alias(members, 'own')
  const rows = await database
    .selectDistinct({ userId: members.userId })
    .from(members)
    .innerJoin(own, eq(own.roomId, members.roomId))
    .where(
      and(
        isOneOf(members.userId, others),
        inArray(members.role, rolesWith('read')),
        eq(own.userId, userId),
        inArray(own.role, rolesWith('read')),
      ),
    )
  return new Set(rows.map(row => row.userId))
}

/** The rooms that each of these users reads. */
export const roomsOf = async (
  database: Database,
  userIds: readonly string[],
): Promise<Map<string, string[]>> => {
  const rows = await database
    .select({ userId: members.userId, roomId: members.roomId })
    .from(members)
    .where(and(isOneOf(members.userId, userIds), inArray(members.role, rolesWith('read'))))
  const rooms = new Map<string, string[]>()
  for (const { userId, roomId } of rows) {
    const ids = rooms.get(userId)
    if (ids) ids.push(roomId)
    else rooms.set(userId, [roomId])
  }
  return rooms
}
