import { type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { type Place, paged, type Search } from './found.ts'
import { ownRooms } from './own-rooms.ts'
import { toTsquery } from './search-query.ts'
import { STRETCH_EVENTS, senderWord } from './vectors.ts'

/** The words of a message (part 0) or of the name of one of its files that were found. */
export type FoundMessage = Place & { roomId: string; seq: number; part: number }

/**
 * How many matches are weighed against each other. Of words that are nearly everywhere, those in the latest stretches
 * of the rooms used last are among them, and others are not found: the next word typed finds them.
 */
const CANDIDATES = 10_000

/** How long until a message counts half as recent, in days, and what its age can take from its rank at most. */
const RECENT_DAYS = 30
const AGE_COUNTS = 0.75

/** Stands in a query for what words begin with in the stretch that is looked through. In no word, in no id. */
const HERE = '~'

/** What is asked of the database for them. */
export const messagesQuery = (search: Search, kinds: { messages: boolean; files: boolean }): SQL => {
  const { roomId, from, after, before, asOf } = search
  const said = toTsquery(search.query, HERE)
  const wanted = from === undefined ? said : `${said} & '${HERE}${senderWord(from)}'`
  const stretch = sql.raw(String(STRETCH_EVENTS))
  const conditions = [
    sql`found.at <= ${asOf}`,
    ...(after === undefined ? [] : [sql`found.at > ${new Date(after)}`]),
    ...(before === undefined ? [] : [sql`found.at < ${new Date(before)}`]),
    ...(kinds.messages ? [] : [sql`found.part > 0`]),
    ...(kinds.files ? [] : [sql`found.part = 0`]),
  ]
  return sql`
    with own as materialized (${ownRooms(search.userId, roomId)}),
    stretches as materialized (
      select id, number || '.' || stretch || ':' as prefix
      from own cross join generate_series(last_seq / ${stretch}, first_seq / ${stretch}, -1) as stretch
      where last_message_at is not null
      order by last_seq / ${stretch} - stretch, last_message_at desc, id
    ),
    candidates as materialized (
      select found.*, stretches.prefix
      from stretches cross join lateral (
        select room_id, seq, part, at, vector from message_search as found
        where vector @@ replace(${wanted}, ${HERE}, stretches.prefix)::tsquery and ${sql.join(conditions, sql` and `)}
        -- Keeps this a look into the index for each stretch, whatever the planner makes of it.
        offset 0
      ) as found
      limit ${CANDIDATES}
    ),
    weighed as (
      select room_id, seq, part, 'm/' || room_id || '/' || seq || '/' || part as id,
        ts_rank_cd(vector, replace(${said}, ${HERE}, prefix)::tsquery, 1)::float8 * (1 - ${AGE_COUNTS}::float8 * (1 -
          power(0.5::float8, extract(epoch from ${asOf}::timestamptz - at)::float8 / 86400 / ${RECENT_DAYS}))) as score
      from candidates
    )
    select room_id, seq, part, id, score from weighed ${paged(search)}`
}

/** Messages and files of the rooms this user reads, best first. */
export const findMessages = async (
  executor: Executor,
  search: Search,
  kinds: { messages: boolean; files: boolean },
): Promise<FoundMessage[]> => {
  const { rows } = await executor.execute<{
    room_id: string
    seq: string
    part: number
    id: string
    score: number
  }>(messagesQuery(search, kinds))
  return rows.map(({ room_id: roomId, seq, ...row }) => ({ ...row, roomId, seq: Number(seq) }))
}
