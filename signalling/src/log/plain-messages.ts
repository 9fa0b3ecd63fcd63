import { type RoomEvent, rolesWith } from '@trunkline/protocol'
import type pg from 'pg'
import { fileIdsOf } from '../files/file-shares.ts'
import { atOnce, type Connection } from './connection.ts'
import type { Entry } from './entry.ts'
import { toEvent } from './event-row.ts'
import { PROJECT_SAID } from './project-messages.ts'
import { latestTx, lockRooms } from './write.ts'

/** Somebody says something who has to have the right to write; it mentions nobody, names no file and answers nothing. */
export type PlainMessage = Entry<'message.created'> & { sender: string }

export const isPlain = (entry: Entry): entry is PlainMessage => {
  if (entry.type !== 'message.created' || entry.right !== 'write' || entry.sender === undefined) return false
  const { mentions, threadOf, parts } = (entry as PlainMessage).data
  return mentions === undefined && threadOf === undefined && fileIdsOf(parts).length === 0
}

/**
 * Appends plain messages in one way to the database and back: the lock on their rooms, the one statement that looks at
 * them and writes them, and the commit travel together. Nearly everything that is said is said here. What cannot be
 * written is left out: why not, and what its first attempt was, `check` and `write` find out.
 * @returns for each its event, or nothing where it was not written
 */
export const sayPlain = async (
  pool: pg.Pool,
  messages: readonly PlainMessage[],
): Promise<(RoomEvent | undefined)[]> => {
  const roomIds = [...new Set(messages.map(({ roomId }) => roomId))]
  const keys = new Set<string>()
  // Of two attempts at the same the second is left out, too.
  const firsts = messages.filter(({ roomId, sender, clientId }) => {
    if (clientId === undefined) return true
    const key = `${roomId} ${sender} ${clientId}`
    return keys.size < keys.add(key).size
  })
  const [, events] = await atOnce(pool, connection =>
    Promise.all([lockRooms(connection, roomIds), say(connection, firsts)]),
  )
  return messages.map(message => events.get(message))
}

const WRITERS = rolesWith('write')
  .map(role => `'${role}'`)
  .join(', ')

/**
 * Its snapshot is taken after the lock before it was got (READ COMMITTED), so nothing it looks at changes until the
 * commit. Each look is for one row by its key, said so that no plan reads a table instead.
 */
const SAY = `with entry as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::json[], $5::boolean[], $6::timestamptz[])
      with ordinality as entry (room_id, sender, client_id, data, counts, expires_at, n)
  ), said as materialized (
    select entry.*, null::bigint as thread_of, now.at,
      room.last_seq + row_number() over (partition by entry.room_id order by n) as seq
    from (select date_trunc('milliseconds', clock_timestamp()) as at offset 0) now
    cross join entry
    cross join lateral (
      select last_seq, kind from rooms where id = entry.room_id and archived_at is null limit 1
    ) room
    cross join lateral (
      select from members where room_id = entry.room_id and user_id = entry.sender and role in (${WRITERS}) limit 1
    ) writer
    left join lateral (
      select true as is_there from events
      where events.room_id = entry.room_id and events.client_id = entry.client_id
        and coalesce(events.sender, '') = entry.sender
      limit 1
    ) first on true
    where first.is_there is null and (room.kind <> 'direct' or not exists (
      select from members other
      join blocks on (blocks.user_id = other.user_id and blocks.blocked_id = entry.sender)
        or (blocks.user_id = entry.sender and blocks.blocked_id = other.user_id)
      where other.room_id = entry.room_id and other.user_id <> entry.sender
    ))
  ), logged as (
    insert into events (room_id, seq, type, sender, client_id, data, at, tx)
    select room_id, seq, 'message.created', sender, client_id, data, at, ${latestTx('said.room_id')} from said
  ), ${PROJECT_SAID}
  select n::int, seq, at from said`

const say = async (
  { $client }: Connection,
  messages: readonly PlainMessage[],
): Promise<Map<PlainMessage, RoomEvent>> => {
  const { rows } = await $client.query<{ n: number; seq: string; at: Date }>({
    name: 'log.say',
    text: SAY,
    values: [
      messages.map(({ roomId }) => roomId),
      messages.map(({ sender }) => sender),
      messages.map(({ clientId }) => clientId ?? null),
      messages.map(({ data }) => JSON.stringify(data)),
      messages.map(({ data }) => data.silent !== true),
      messages.map(({ data }) => data.expiresAt ?? null),
    ],
  })
  const events = rows.map(({ n, seq, at }): [PlainMessage, RoomEvent] => {
    const message = messages[n - 1] as PlainMessage
    const { roomId, type, sender, clientId = null, data } = message
    return [message, toEvent({ roomId, seq: Number(seq), type, sender, clientId, data, at })]
  })
  return new Map(events)
}
