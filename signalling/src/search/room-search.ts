import type { RoomPreview, User } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { isInForce } from '../rooms/standings.ts'
import { members } from '../schema.ts'
import { type Place, paged, type Search } from './found.ts'
import { ownRooms } from './own-rooms.ts'
import { toTsquery } from './search-query.ts'

export type FoundRoom = Place & { room: RoomPreview; isMember: boolean }

/** Channels weighed against each other: the most followed, of words that are in more of their titles. */
const CHANNELS = 1_000

type Row = Omit<RoomPreview, 'memberCount'> & Place & { member_count: number; is_member: boolean }

/** Rooms this user reads, and channels it could follow, by title and description. Guests follow none. */
export const findRooms = async (executor: Executor, user: User, search: Search): Promise<FoundRoom[]> => {
  const wanted = sql`${toTsquery(search.query)}::tsquery`
  const mayFollow = search.roomId === undefined && user.kind !== 'guest'
  const { rows } = await executor.execute<Row>(sql`
    with own as materialized (${ownRooms(user.id, search.roomId)}),
    listed as materialized (select room_id, vector from room_search where listed and ${mayFollow} and vector @@ ${wanted}),
    channels as materialized (
      select rooms.*, listed.vector from listed join rooms on rooms.id = listed.room_id
      where rooms.kind = 'channel' and rooms.access <> 'invite' and rooms.archived_at is null
        and rooms.id not in (select id from own)
        and not exists (
          select from ${members}
          where ${members.roomId} = rooms.id and ${members.userId} = ${user.id} and ${members.role} = 'banned' and ${isInForce})
      order by rooms.member_count desc limit ${CHANNELS}
    ),
    found as (
      select own.id, kind, title, description, avatar, access, member_count, true as is_member, room_search.vector
      from own join room_search on room_search.room_id = own.id where room_search.vector @@ ${wanted}
      union all
      select id, kind, title, description, avatar, access, member_count, false, vector from channels
    ),
    weighed as (
      select 'r/' || id as id, id as room_id, kind, title, description, avatar, access, member_count, is_member,
        ts_rank_cd(vector, ${wanted}, 1)::float8 as score
      from found
    )
    select * from weighed ${paged(search)}`)
  return rows.map(({ id, score, member_count: memberCount, is_member: isMember, ...row }) => {
    const { room_id, ...room } = row as typeof row & { room_id: string }
    return { id, score, isMember, room: { ...room, id: room_id, memberCount } }
  })
}
