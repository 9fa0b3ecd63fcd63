import { LIMITS, type RoomPreview, TrunklineError, type User } from '@trunkline/protocol'
import { and, asc, desc, gt, ilike, lt, lte, or, type SQL, sql } from 'drizzle-orm'
import { isInt, isText, readCursor, writeCursor } from '../cursor.ts'
import type { Database } from '../database.ts'
import { members, rooms } from '../schema.ts'
import { isInForce } from './standings.ts'

/** Those after whom a page ended. */
const behind = (cursor: string | undefined): SQL | undefined => {
  if (cursor === undefined) return undefined
  const [count, id] = readCursor(cursor, [isInt, isText]) as [number, string]
  const { memberCount } = rooms
  // The first condition is where the index begins; the second leaves out what the page before had.
  return and(lte(memberCount, count), or(lt(memberCount, count), gt(rooms.id, id)))
}

/** In the words of the index `rooms_to_follow`. */
const canBeFollowed = sql`(${rooms.kind} = 'channel' and ${rooms.access} <> 'invite' and ${rooms.archivedAt} is null)`

/** What stands in a pattern for itself. */
const literal = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')

/** Not banned from it: a channel one cannot follow is not offered. */
const notBannedFrom = (userId: string): SQL =>
  sql`not exists (select from ${members} where ${members.roomId} = ${rooms.id} and ${members.userId} = ${userId} and ${members.role} = 'banned' and ${isInForce})`

/**
 * Channels that can be followed, the most followed first.
 * @param user who looks; none for an app's server
 * @throws TrunklineError `forbidden` for guests, who follow none
 */
export const listChannels = async (
  database: Database,
  user: User | undefined,
  query: { query?: string | undefined; cursor?: string | undefined; limit?: number | undefined },
): Promise<{ data: RoomPreview[]; nextCursor?: string }> => {
  if (user?.kind === 'guest') {
    throw new TrunklineError('forbidden', 'Guests are in the room they were let into, and follow no others.')
  }
  const { limit = LIMITS.pageSizeDefault } = query
  const pattern = query.query === undefined ? undefined : `%${literal(query.query)}%`
  const rows = await database
    .select({
      id: rooms.id,
      kind: rooms.kind,
      title: rooms.title,
      description: rooms.description,
      avatar: rooms.avatar,
      access: rooms.access,
      memberCount: rooms.memberCount,
    })
    .from(rooms)
    .where(
      and(
        canBeFollowed,
        pattern === undefined
          ? undefined
          : or(ilike(rooms.title, pattern), ilike(rooms.description, pattern)),
        user ? notBannedFrom(user.id) : undefined,
        behind(query.cursor),
      ),
    )
    .orderBy(desc(rooms.memberCount), asc(rooms.id))
    .limit(limit + 1)
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return {
    data,
    ...(rows.length > limit && last ? { nextCursor: writeCursor(last.memberCount, last.id) } : {}),
  }
}
