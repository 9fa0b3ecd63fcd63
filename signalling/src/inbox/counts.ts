import { type Counts, LIMITS, rolesWith } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'

/**
 * How many of the latest unread messages are looked at, to find up to LIMITS.unreadCounted that count. Whoever has
 * blocked the only one who talks, or writes a million messages and reads none, is not to cost a walk over all of them.
 */
const LOOKED_AT = 10 * LIMITS.unreadCounted

const NONE: Counts = { unread: 0, mentions: 0 }

/**
 * Whether a message (`said.sender`) is somebody else's whom the user has not blocked. For the rest see `counts` of
 * the messages: neither silent nor deleted. Answers in threads count like everything said.
 */
const isAnothers = (userId: string) => sql`said.sender <> ${userId}
  and said.sender not in (select blocked_id from blocks where user_id = ${userId})`

/** Subqueries over `members.room_id` and `members.read_seq`: a number each, at most LIMITS.unreadCounted. */
const unread = (userId: string) => sql`(
  select count(*)::int from (
    select from (
      select sender from messages
      where room_id = members.room_id and seq > members.read_seq and counts
      order by seq desc limit ${LOOKED_AT}
    ) said
    where ${isAnothers(userId)}
    limit ${LIMITS.unreadCounted}
  ) counted)`

/** Rings that the user has missed, of whoever it has not blocked. */
const missed = (userId: string) => sql`(
  select count(*)::int from (
    select from ring_targets join rings on rings.id = ring_targets.ring_id
    where ring_targets.user_id = ${userId} and ring_targets.room_id = members.room_id
      and missed_seq > members.read_seq
      and from_id not in (select blocked_id from blocks where user_id = ${userId})
    limit ${LIMITS.unreadCounted}
  ) counted)`

/** Messages and missed calls. */
const unreadOf = (userId: string) =>
  sql`least(${unread(userId)} + ${missed(userId)}, ${LIMITS.unreadCounted})`

/** Whether anything that may count came after what the user has read. */
const hasMore = sql`greatest(rooms.last_message_seq, rooms.last_call_seq) > members.read_seq`

const mentioned = (userId: string) => sql`(
  select count(*)::int from (
    select from (
      select room_id, seq from mentions
      where room_id = members.room_id and user_id = ${userId} and seq > members.read_seq
      order by seq desc limit ${LOOKED_AT}
    ) mention
    join messages said on said.room_id = mention.room_id and said.seq = mention.seq
    where said.counts and ${isAnothers(userId)}
    limit ${LIMITS.unreadCounted}
  ) counted)`

/** What a user has not read in each of these rooms of its own; nothing of rooms it is not in. */
export const countsOf = async (
  executor: Executor,
  userId: string,
  roomIds: readonly string[],
): Promise<(roomId: string) => Counts> => {
  if (roomIds.length === 0) return () => NONE
  const { rows } = await executor.execute<{ room_id: string } & Counts>(sql`
    select members.room_id, ${unreadOf(userId)} as unread, ${mentioned(userId)} as mentions
    from members join rooms on rooms.id = members.room_id
    where members.user_id = ${userId} and members.room_id = any(${sql.param(roomIds)})
      and ${hasMore}`)
  const found = new Map(rows.map(({ room_id, unread, mentions }) => [room_id, { unread, mentions }]))
  return roomId => found.get(roomId) ?? NONE
}

/** What a user has not read over all rooms that are archived, or are not; each number is capped like that of one room. */
export const countsOfAll = async (executor: Executor, userId: string, archived: boolean): Promise<Counts> => {
  const { rows } = await executor.execute<Counts>(sql`
    select least(coalesce(sum(unread), 0), ${LIMITS.unreadCounted})::int as unread,
      least(coalesce(sum(mentions), 0), ${LIMITS.unreadCounted})::int as mentions
    from (
      select ${unreadOf(userId)} as unread, ${mentioned(userId)} as mentions
      from members join rooms on rooms.id = members.room_id
      where members.user_id = ${userId} and members.role = any(${sql.param(rolesWith('read'))})
        and ${hasMore}
        and (rooms.archived_at is not null) = ${archived}
    ) each_room`)
  return rows[0] ?? NONE
}
