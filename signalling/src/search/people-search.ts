import type { User } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { toUser } from '../identity/users.ts'
import { type Place, paged, type Search } from './found.ts'
import { ownRooms, READERS } from './own-rooms.ts'
import { toTsquery } from './search-query.ts'

export type FoundPerson = Place & { user: User; roomId?: string }

/**
 * How many memberships of the searcher's rooms are looked through, the smallest rooms first: people of a channel that
 * is larger than what is left are found in part.
 */
const MEMBERSHIPS = 50_000

type Row = Place & {
  user_id: string
  name: string
  kind: User['kind']
  avatar: string | null
  room_id: string | null
}

/** Those with whom this user shares a room that both read, by name. */
export const findPeople = async (executor: Executor, search: Search): Promise<FoundPerson[]> => {
  const wanted = sql`${toTsquery(search.query)}::tsquery`
  const { rows } = await executor.execute<Row>(sql`
    with own as materialized (${ownRooms(search.userId, search.roomId)} order by rooms.member_count, rooms.id),
    met as materialized (
      select there.user_id, own.kind, own.id as room_id
      from own cross join lateral (
        select user_id from members where room_id = own.id and role = any(${READERS}) offset 0
      ) as there
      limit ${MEMBERSHIPS}
    ),
    people as materialized (
      select user_id, min(room_id) filter (where kind = 'direct') as room_id
      from met where user_id <> ${search.userId} group by user_id
    ),
    weighed as (
      select 'u/' || named.id as id, named.id as user_id, named.name, named.kind, named.avatar, people.room_id,
        ts_rank_cd(named.words, ${wanted}, 1)::float8 as score
      from people cross join lateral (
        -- One by one, whatever the planner makes of it: nobody else's name is looked at.
        select * from users where id = people.user_id and words @@ ${wanted} offset 0
      ) as named
    )
    select * from weighed ${paged(search)}`)
  return rows.map(({ id, score, user_id, name, kind, avatar, room_id }) => ({
    id,
    score,
    user: toUser({ id: user_id, name, kind, avatar }),
    ...(room_id === null ? {} : { roomId: room_id }),
  }))
}
