import { type Ban, LIMITS, type Member, type Role, rolesWith } from '@trunkline/protocol'
import { and, asc, eq, gt, gte, inArray, or, type SQL } from 'drizzle-orm'
import { isText, isTime, readCursor, writeCursor } from '../cursor.ts'
import type { Executor } from '../database.ts'
import { toUser, userColumns } from '../identity/users.ts'
import { members, users } from '../schema.ts'
import { isInForce } from './standings.ts'

const selected = {
  ...userColumns,
  role: members.role,
  deliveredSeq: members.deliveredSeq,
  readSeq: members.readSeq,
  joinedAt: members.joinedAt,
  pending: members.pending,
  banReason: members.banReason,
  banUntil: members.banUntil,
  bannedBy: members.bannedBy,
}
type Row = Awaited<ReturnType<typeof read>>[number]

const read = (executor: Executor, condition: SQL | undefined, limit: number) =>
  executor
    .select(selected)
    .from(members)
    .innerJoin(users, eq(users.id, members.userId))
    .where(and(condition, isInForce))
    .orderBy(asc(members.joinedAt), asc(members.userId))
    .limit(limit)

const toMember = ({ role, deliveredSeq, readSeq, joinedAt, pending, ...user }: Row): Member => ({
  user: toUser(user),
  role,
  deliveredSeq,
  readSeq,
  joinedAt: joinedAt.toISOString(),
  ...(pending === null ? {} : { pending }),
})

const toBan = ({ banReason, banUntil, bannedBy, joinedAt, ...user }: Row): Ban => ({
  user: toUser(user),
  ...(banReason === null ? {} : { reason: banReason }),
  ...(banUntil === null ? {} : { until: banUntil.toISOString() }),
  ...(bannedBy === null ? {} : { by: bannedBy }),
  at: joinedAt.toISOString(),
})

/** Those after whom a page ended. */
const behind = (cursor: string | undefined): SQL | undefined => {
  if (cursor === undefined) return undefined
  const [time, userId] = readCursor(cursor, [isTime, isText]) as [string, string]
  const joinedAt = new Date(time)
  return and(gte(members.joinedAt, joinedAt), or(gt(members.joinedAt, joinedAt), gt(members.userId, userId)))
}

type Paging = { cursor?: string | undefined; limit?: number | undefined }

const page = async <T>(
  executor: Executor,
  condition: SQL | undefined,
  { cursor, limit = LIMITS.pageSizeDefault }: Paging,
  shape: (row: Row) => T,
): Promise<{ data: T[]; nextCursor?: string }> => {
  const rows = await read(executor, and(condition, behind(cursor)), limit + 1)
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    data: shown.map(shape),
    ...(rows.length > limit && last ? { nextCursor: writeCursor(last.joinedAt.toISOString(), last.id) } : {}),
  }
}

/** Members of a room in these roles, the longest there first. */
export const listMembers = (
  executor: Executor,
  query: { roomId: string; roles?: readonly Role[] | undefined } & Paging,
) => {
  const roles = query.roles ?? rolesWith('read')
  return page(
    executor,
    and(eq(members.roomId, query.roomId), inArray(members.role, [...roles])),
    query,
    toMember,
  )
}

/** Those among these users who are something to the room, in the order they were named. */
export const findMembers = async (
  executor: Executor,
  roomId: string,
  userIds: readonly string[],
): Promise<Member[]> => {
  const condition = and(eq(members.roomId, roomId), inArray(members.userId, [...userIds]))
  const rows = await read(executor, condition, userIds.length)
  const found = new Map(rows.map(row => [row.id, toMember(row)]))
  return userIds.flatMap(id => found.get(id) ?? [])
}

export const findMember = async (
  executor: Executor,
  roomId: string,
  userId: string,
): Promise<Member | undefined> => (await findMembers(executor, roomId, [userId]))[0]

export const listBans = (executor: Executor, query: { roomId: string } & Paging) =>
  page(executor, and(eq(members.roomId, query.roomId), eq(members.role, 'banned')), query, toBan)

export const findBan = async (
  executor: Executor,
  roomId: string,
  userId: string,
): Promise<Ban | undefined> => {
  const condition = and(eq(members.roomId, roomId), eq(members.userId, userId), eq(members.role, 'banned'))
  const [row] = await read(executor, condition, 1)
  return row && toBan(row)
}
