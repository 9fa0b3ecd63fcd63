import { type GrantedRole, RIGHTS, type Role, rolesWith, type User } from '@trunkline/protocol'
import { and, asc, eq, inArray, notInArray, sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { departures, members, users } from '../schema.ts'
import { endDistinction, type LockedTransaction } from './command.ts'

/** Who may inherit a room, the first before the others. */
const HEIRS = rolesWith('read').filter(role => role !== 'owner')

/** Somebody is in from now on. */
export const join = async (
  transaction: LockedTransaction,
  { user, role, sender }: { user: User; role: GrantedRole; sender: string | undefined },
): Promise<void> => {
  await endDistinction(transaction)
  await transaction.append({ type: 'member.joined', sender, data: { user, role } })
}

/**
 * What follows when somebody in this role has gone: the room is not that of its members of before, and one that lost
 * its last owner gets another, so that it can be looked after. It is the longest-standing moderator, else publisher,
 * else member; no guest, whose token ends, and no bot. A room with nobody left stays, for an app's server.
 */
export const afterDeparture = async (transaction: LockedTransaction, role: Role): Promise<void> => {
  const { executor, append, room } = transaction
  if (RIGHTS[role].read) await endDistinction(transaction)
  if (role !== 'owner') return
  const inRoom = eq(members.roomId, room.id)
  const [owner] = await executor
    .select({ userId: members.userId })
    .from(members)
    .where(and(inRoom, eq(members.role, 'owner')))
    .limit(1)
  if (owner) return
  const [heir] = await executor
    .select({ userId: members.userId })
    .from(members)
    .innerJoin(users, eq(users.id, members.userId))
    .where(and(inRoom, inArray(members.role, HEIRS), notInArray(users.kind, ['guest', 'bot'])))
    .orderBy(
      sql`array_position(${sql.param(HEIRS)}::text[], ${members.role})`,
      asc(members.joinedAt),
      asc(members.userId),
    )
    .limit(1)
  if (heir) await append({ type: 'member.changed', data: { userId: heir.userId, role: 'owner' } })
}

/** Whether a user was in a room and is not any more: who asks again to go has only not heard that it went. */
export const hasDeparted = async (executor: Executor, roomId: string, userId: string): Promise<boolean> => {
  const [row] = await executor
    .select({ userId: departures.userId })
    .from(departures)
    .where(and(eq(departures.roomId, roomId), eq(departures.userId, userId)))
  return row !== undefined
}
