import type { Role } from '@trunkline/protocol'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { members } from '../schema.ts'

/** What a user is to a room, as its row says. */
export type Standing = typeof members.$inferSelect

/** A ban that has ended is none: who had it is not in the room. */
export const isInForce = sql`(${members.role} <> 'banned' or ${members.banUntil} is null or ${members.banUntil} > now())`

/** What these users are to a room now; who is nothing to it is left out. */
export const standingsOf = async (
  executor: Executor,
  roomId: string,
  userIds: readonly string[],
): Promise<Map<string, Standing>> => {
  const rows = await executor
    .select()
    .from(members)
    .where(and(eq(members.roomId, roomId), inArray(members.userId, [...userIds]), isInForce))
  return new Map(rows.map(row => [row.userId, row]))
}

export const standingOf = async (
  executor: Executor,
  roomId: string,
  userId: string,
): Promise<Standing | undefined> => (await standingsOf(executor, roomId, [userId])).get(userId)

export const roleOf = async (
  executor: Executor,
  roomId: string,
  userId: string,
): Promise<Role | undefined> => {
  const [row] = await executor
    .select({ role: members.role })
    .from(members)
    .where(and(eq(members.roomId, roomId), eq(members.userId, userId), isInForce))
  return row?.role
}
