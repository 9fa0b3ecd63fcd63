import { setImmediate as breathe } from 'node:timers/promises'
import type { MessagePart } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { filesOf, textOf } from './message-words.ts'
import { messageVector, prefixOf, roomVector } from './vectors.ts'

/** Events read at once, all rooms together. */
const EVENTS_PER_ROUND = 2_000
/** Cutting text into words holds up the process: after so many UTF-16 units others get their turn. */
const CHARS_AT_ONCE = 65_536

type RoomRow = {
  id: string
  number: string
  title: string
  description: string
  last_seq: string
  indexed_seq: string
  is_listed: boolean
}
type EventRow = {
  room_id: string
  seq: string
  type: 'message.created' | 'message.edited' | 'message.deleted'
  sender: string | null
  data: { messageSeq?: number; parts?: MessagePart[] }
}
type Words = { roomId: string; seq: number; part: number; contentSeq: number; vector: string }

/** A room that is indexed now: nobody else indexes it meanwhile. */
type Indexed = { row: RoomRow; from: number; to: number }

/**
 * Indexes the next stretch of each of these rooms' logs.
 * @returns rooms that have more, and rooms another node is at
 */
export const indexRooms = async (
  database: Database,
  roomIds: readonly string[],
): Promise<{ behind: string[]; busy: string[] }> => {
  if (roomIds.length === 0) return { behind: [], busy: [] }
  const ids = sql.param([...roomIds])
  const { rows: present } = await database.execute<{ id: string }>(sql`
    with made as (
      insert into room_search (room_id, vector, listed)
      select id, '', false from rooms where id = any(${ids}::text[]) order by id
      on conflict do nothing
    )
    select id from rooms where id = any(${ids}::text[])`)
  const indexed = await database.transaction(async executor => {
    const locked = await lock(executor, ids)
    if (locked.length === 0) return []
    const messages = await readMessages(executor, locked)
    await writeMessages(executor, messages)
    await writeRooms(
      executor,
      locked.filter(({ from, to }) => from < to),
    )
    return locked
  })
  const done = new Set(indexed.map(({ row }) => row.id))
  return {
    behind: indexed.flatMap(({ row, to }) => (to < Number(row.last_seq) ? [row.id] : [])),
    busy: present.flatMap(({ id }) => (done.has(id) ? [] : [id])),
  }
}

const lock = async (executor: Executor, ids: unknown): Promise<Indexed[]> => {
  const { rows } = await executor.execute<RoomRow>(sql`
    select rooms.id, number, title, description, last_seq, indexed_seq,
      kind = 'channel' and access <> 'invite' and archived_at is null as is_listed
    from room_search join rooms on rooms.id = room_search.room_id
    where room_search.room_id = any(${ids}::text[])
    for update of room_search skip locked`)
  // What was said this moment first; then one room after the other, because a room's words are together in the index.
  const behind = rows
    .map(row => ({
      row,
      from: Number(row.indexed_seq),
      events: Number(row.last_seq) - Number(row.indexed_seq),
    }))
    .sort((a, b) => a.events - b.events)
  let left = EVENTS_PER_ROUND
  return behind.map(({ row, from, events }) => {
    const taken = Math.min(events, left)
    left -= taken
    return { row, from, to: from + taken }
  })
}

/** What happened to messages in these stretches: which are concerned, and the words of those that say something. */
const readMessages = async (
  executor: Executor,
  rooms: readonly Indexed[],
): Promise<{ concerned: { roomId: string; seq: number }[]; words: Words[] }> => {
  const { rows } = await executor.execute<EventRow>(sql`
    select event.* from unnest(${sql.param(rooms.map(({ row }) => row.id))}::text[],
      ${sql.param(rooms.map(({ from }) => from))}::bigint[], ${sql.param(rooms.map(({ to }) => to))}::bigint[])
      as stretch (id, after, upto)
    cross join lateral (
      select room_id, seq, type, sender, data from events
      where room_id = stretch.id and seq > stretch.after and seq <= stretch.upto
        and type in ('message.created', 'message.edited', 'message.deleted')
      offset 0
    ) as event`)
  const numbers = new Map(rooms.map(({ row }) => [row.id, Number(row.number)]))
  const concerned = new Map<string, { roomId: string; seq: number }>()
  const words: Words[] = []
  let chars = 0
  for (const { room_id: roomId, seq: eventSeq, sender, data } of rows) {
    const contentSeq = Number(eventSeq)
    const seq = data.messageSeq ?? contentSeq
    concerned.set(`${roomId}/${seq}`, { roomId, seq })
    const { parts = [] } = data
    const texts = [textOf(parts), ...filesOf(parts).map(({ name }) => name)]
    const prefix = prefixOf(numbers.get(roomId) as number, seq)
    for (const [part, text] of texts.entries()) {
      const vector = messageVector(text, prefix, sender ?? '')
      if (vector !== undefined) words.push({ roomId, seq, part, contentSeq, vector })
      chars += text.length
    }
    if (chars < CHARS_AT_ONCE) continue
    chars = 0
    await breathe()
  }
  return { concerned: [...concerned.values()], words }
}

/**
 * Writes what messages say now: words of a message that was deleted, or edited once more, are left out here, under the
 * number of what they stand in. Should it be deleted between this look and the commit, then its deletion is an event
 * after these, and takes the words away when its turn comes; until then nobody finds it (hits.ts).
 */
const writeMessages = async (
  executor: Executor,
  { concerned, words }: Awaited<ReturnType<typeof readMessages>>,
): Promise<void> => {
  if (concerned.length === 0) return
  await executor.execute(sql`
    delete from message_search using unnest(${sql.param(concerned.map(({ roomId }) => roomId))}::text[],
      ${sql.param(concerned.map(({ seq }) => seq))}::bigint[]) as concerned (room_id, seq)
    where message_search.room_id = concerned.room_id and message_search.seq = concerned.seq`)
  if (words.length === 0) return
  await executor.execute(sql`
    insert into message_search (room_id, seq, part, content_seq, at, vector)
    select messages.room_id, messages.seq, words.part, messages.content_seq, messages.at, words.vector::tsvector
    from unnest(${sql.param(words.map(({ roomId }) => roomId))}::text[], ${sql.param(words.map(({ seq }) => seq))}::bigint[],
      ${sql.param(words.map(({ part }) => part))}::smallint[], ${sql.param(words.map(({ contentSeq }) => contentSeq))}::bigint[],
      ${sql.param(words.map(({ vector }) => vector))}::text[]) as words (room_id, seq, part, content_seq, vector)
    join messages on messages.room_id = words.room_id and messages.seq = words.seq
    where messages.deleted_at is null and messages.content_seq = words.content_seq`)
}

/** Titles as they are now, and how far the index is. */
const writeRooms = async (executor: Executor, rooms: readonly Indexed[]): Promise<void> => {
  if (rooms.length === 0) return
  await executor.execute(sql`
    update room_search set indexed_seq = indexed.upto, vector = indexed.vector::tsvector, listed = indexed.listed
    from unnest(${sql.param(rooms.map(({ row }) => row.id))}::text[], ${sql.param(rooms.map(({ to }) => to))}::bigint[],
      ${sql.param(rooms.map(({ row }) => roomVector(row.title, row.description)))}::text[],
      ${sql.param(rooms.map(({ row }) => row.is_listed))}::boolean[]) as indexed (room_id, upto, vector, listed)
    where room_search.room_id = indexed.room_id`)
}
