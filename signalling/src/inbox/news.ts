import type { RoomEvent } from '@trunkline/protocol'
import { type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { toEvent } from '../log/event-row.ts'
import type { OwnRoom } from './entries.ts'
import type { Horizon } from './snapshots.ts'

/** What happened in a room since a cursor. */
export type News = {
  /** Ascending: the latest of them. */
  events: RoomEvent[]
  /** There are earlier ones. */
  hasMore: boolean
  /** Some of the latest did not fit. */
  isCut: boolean
  /** The user came in meanwhile: everything is new. */
  came: boolean
}

export type NewsQuery = {
  userId: string
  /** Undefined: everything is news. */
  since: string | undefined
  horizon: Horizon
  /** Events of each room at most. */
  limit: number
}

type Row = {
  room_id: string
  seq: string
  type: string
  sender: string | null
  client_id: string | null
  data: Record<string, unknown>
  at: string
  came: boolean
  /** News of its room, and of all rooms together, before some were left out. */
  in_room: number
  found: number
}

/**
 * Whether a transaction's number is of after a cursor. Numbers this database has not come to yet are of rows that were
 * loaded from a dump of another: there is nothing new about them.
 */
export const isNews = (
  tx: SQL | SQL.Aliased,
  { since, horizon }: Pick<NewsQuery, 'since' | 'horizon'>,
): SQL => (since === undefined ? sql`true` : sql`(${tx} >= ${since}::xid8 and ${tx} < ${horizon.xmax}::xid8)`)

/**
 * The latest news of each of these rooms, in their order. Once all together are more than `bytes` the rest is left out:
 * of the last room some events (but never all of the first one's), and the rooms after it. A room the user came into
 * meanwhile is new as a whole.
 *
 * No index on `tx` is needed: appends to a room wait for one another (they lock its row), so whatever stands before an
 * event was committed before it. The first event from the end whose transaction was over at the cursor ends the news.
 */
export const newsOf = async (
  executor: Executor,
  roomIds: readonly string[],
  query: NewsQuery & { bytes: number },
): Promise<News[]> => {
  const { userId, limit, bytes } = query
  const { rows } = await executor.execute<Row>(sql`
    with latest as (
      select event.*, place, ${isNews(sql`event.tx`, query)} as is_new
      from unnest(${sql.param(roomIds)}::text[]) with ordinality as asked (id, place)
      cross join lateral (
        select * from events where room_id = asked.id order by seq desc limit ${limit + 1}
      ) event
    ), marked as (
      select *, coalesce(max(seq) filter (where not is_new) over room, 0) as known,
        bool_or(is_new and type = 'member.joined' and data -> 'user' ->> 'id' = ${userId}) over room as came
      from latest window room as (partition by place)
    ), measured as (
      select *, octet_length(data::text) as bytes, count(*) over (partition by place)::int as in_room
      from marked where came or seq > known
    ), summed as (
      select *, sum(bytes) over (order by place, seq desc) - bytes as bytes_before,
        count(*) over ()::int as found
      from measured
    )
    select room_id, seq, type, sender, client_id, data, at, came, in_room, found
    from summed where bytes_before < ${bytes}
    order by place, seq desc`)
  const last = rows.at(-1)
  const isFull = last !== undefined && rows.length < last.found
  const told = isFull ? roomIds.slice(0, roomIds.indexOf(last.room_id) + 1) : roomIds
  const byRoom = Map.groupBy(rows, row => row.room_id)
  return told.map(roomId => toNews(byRoom.get(roomId) ?? [], limit))
}

const toNews = (rows: readonly Row[], limit: number): News => {
  const found = rows[0]?.in_room ?? 0
  const shown = rows.slice(0, limit)
  return {
    events: shown.map(fromRow).reverse(),
    hasMore: found > shown.length,
    isCut: rows.length < found && rows.length < limit,
    came: rows[0]?.came ?? false,
  }
}

const fromRow = ({ room_id: roomId, seq, type, sender, client_id: clientId, data, at }: Row): RoomEvent =>
  toEvent({ roomId, seq: Number(seq), type, sender, clientId, data, at: new Date(at) })

/**
 * Those of these rooms from which retention took what was, or may have been, news: whatever it left there is. The
 * cursor knows of no numbers, so what was taken is everything before the first event: a client that goes by its own
 * numbers sees whether it had that.
 */
export const removedFrom = async (
  executor: Executor,
  own: readonly OwnRoom[],
  query: NewsQuery,
): Promise<Set<string>> => {
  const shortened = own.filter(({ room }) => room.firstSeq > 1)
  if (query.since === undefined || shortened.length === 0) return new Set()
  const { rows } = await executor.execute<{ room_id: string }>(sql`
    select room_id
    from unnest(${sql.param(shortened.map(({ room }) => room.id))}::text[],
      ${sql.param(shortened.map(({ room }) => room.firstSeq))}::bigint[]) as first (room_id, seq)
    join events using (room_id, seq)
    where ${isNews(sql`events.tx`, query)}`)
  return new Set(rows.map(row => row.room_id))
}
