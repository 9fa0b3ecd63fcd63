import { RIGHTS, type Role, type RoomEvent } from '@trunkline/protocol'
import { refusedByBlock } from '../identity/blocks.ts'
import { assertMay, refusedByArchive, refusedByBan, roomNotFound } from '../rooms/roles.ts'
import type { Commit, Connection } from './connection.ts'
import type { Appended, Entry } from './entry.ts'
import { type EventRow, toEvent } from './event-row.ts'
import { project } from './projector.ts'

/** A room whose row this transaction has locked: nobody else numbers its events meanwhile. */
export type LockedRoom = { id: string; lastSeq: number; isArchived: boolean; isDirect: boolean }

/** What became of an entry: nobody's failure is another's. */
export type Outcome = { appended: Appended } | { refused: Error }

/** Locks rooms, in the order of their ids, so that two nodes never wait for each other in a circle. */
export const lockRooms = async (
  { $client }: Connection,
  ids: readonly string[],
): Promise<Map<string, LockedRoom>> => {
  const { rows } = await $client.query<{ id: string; last_seq: string; archived: boolean; direct: boolean }>({
    name: 'log.lock',
    text: `select id, last_seq, archived_at is not null as archived, kind = 'direct' as direct
      from rooms where id = any($1::text[])
      order by id for no key update`,
    values: [ids],
  })
  return new Map(
    rows.map(({ id, last_seq, archived, direct }) => [
      id,
      { id, lastSeq: Number(last_seq), isArchived: archived, isDirect: direct },
    ]),
  )
}

/**
 * Appends entries of locked rooms in one go; each gets its own outcome. All that is appended here must be such that it
 * changes nothing about who may append what beside it.
 * @param commit given when all of it is written without a look at what was written before: then the commit goes along
 */
export const write = async (
  connection: Connection,
  rooms: ReadonlyMap<string, LockedRoom>,
  { at, facts }: Checked,
  entries: readonly Entry[],
  commit?: Commit,
): Promise<Outcome[]> => {
  const silenced = await silencedAmong(connection, rooms, entries)
  const added: { entry: Entry; seq: number }[] = []
  const firstOf = new Map<string, number>()
  const places = entries.map((entry, n): number | Outcome => {
    const room = rooms.get(entry.roomId)
    if (!room) return { refused: roomNotFound() }
    const fact = facts[n]
    const refused =
      refusalOf(entry, room, fact?.role ?? undefined) ?? (silenced.has(entry) ? refusedByBlock() : undefined)
    if (refused) return { refused }
    if (fact?.first) return { appended: { event: fact.first, isNew: false } }
    const key = entry.clientId === undefined ? undefined : keyOf(entry)
    const twin = key === undefined ? undefined : firstOf.get(key)
    if (twin !== undefined) return twin
    if (key !== undefined) firstOf.set(key, added.length)
    room.lastSeq++
    return added.push({ entry, seq: room.lastSeq }) - 1
  })
  const events = added.map(({ entry, seq }) => {
    const { roomId, type, sender = null, clientId = null, data } = entry
    return toEvent({ roomId, seq, type, sender, clientId, data, at })
  })
  const written = Promise.all([insert(connection, events), project(connection, events)])
  commit?.()
  await written
  const used = new Set<number>()
  return places.map(place => {
    if (typeof place !== 'number') return place
    const isNew = !used.has(place)
    used.add(place)
    return { appended: { event: events[place] as RoomEvent, isNew } }
  })
}

const keyOf = ({ roomId, sender, clientId }: Entry): string =>
  JSON.stringify([roomId, sender ?? '', clientId])

const refusalOf = (entry: Entry, room: LockedRoom, role: Role | undefined): Error | undefined => {
  const { right, sender } = entry
  if (right === undefined) return undefined
  if (sender === undefined && right !== 'not-banned') {
    return new Error('a right was asked for, but nobody who should have it')
  }
  try {
    if (right === 'not-banned') {
      if (role === 'banned') throw refusedByBan(sender ?? '')
    } else {
      if (!role || !RIGHTS[role].read) throw roomNotFound()
      assertMay(role, right)
    }
    if (room.isArchived && (right === 'write' || right === 'not-banned')) throw refusedByArchive()
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** Those that would be said in a direct room after one of its two blocked the other. */
const silencedAmong = async (
  { $client }: Connection,
  rooms: ReadonlyMap<string, LockedRoom>,
  entries: readonly Entry[],
): Promise<Set<Entry>> => {
  const said = entries.filter(
    ({ roomId, sender, right }) => right !== undefined && sender !== undefined && rooms.get(roomId)?.isDirect,
  )
  if (said.length === 0) return new Set()
  const { rows } = await $client.query<{ n: string }>({
    name: 'log.silenced',
    text: `select entry.n from unnest($1::text[], $2::text[]) with ordinality as entry (room_id, sender, n)
      where exists (
        select from members other
        join blocks on (blocks.user_id = other.user_id and blocks.blocked_id = entry.sender)
          or (blocks.user_id = entry.sender and blocks.blocked_id = other.user_id)
        where other.room_id = entry.room_id and other.user_id <> entry.sender
      )`,
    values: [said.map(entry => entry.roomId), said.map(entry => entry.sender)],
  })
  return new Set(rows.flatMap(({ n }) => said[Number(n) - 1] ?? []))
}

type Fact = { role: Role | null; first: RoomEvent | undefined }

/** What is to be known of entries: the roles of who sends them, first attempts, and the time it is. */
export type Checked = { at: Date; facts: readonly Fact[] }

/**
 * Looks entries up after their rooms were locked, so that nothing of it changes until they are written. The time is the
 * clock's rather than that of the transaction's beginning: under the lock, later numbers have later times.
 */
export const check = async ({ $client }: Connection, entries: readonly Entry[]): Promise<Checked> => {
  const { rows } = await $client.query<
    { role: Role | null; now: Date | null } & (EventRow & { seq: string | null })
  >({
    name: 'log.check',
    text: `select members.role, first.*,
        case when entry.n = 1 then date_trunc('milliseconds', clock_timestamp()) end as now
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as entry (room_id, sender, client_id, n)
      left join lateral (
        select role from members
        where members.room_id = entry.room_id and members.user_id = entry.sender
          and (role <> 'banned' or ban_until is null or ban_until > now())
        limit 1
      ) members on true
      left join lateral (
        select seq, type, at, data from events
        where events.room_id = entry.room_id and events.client_id = entry.client_id
          and coalesce(events.sender, '') = coalesce(entry.sender, '')
        limit 1
      ) first on true
      order by entry.n`,
    values: [
      entries.map(entry => entry.roomId),
      entries.map(entry => entry.sender ?? null),
      entries.map(entry => entry.clientId ?? null),
    ],
  })
  const facts = rows.map(({ role, seq, type, at, data }, n): Fact => {
    const { roomId, sender = null, clientId = null } = entries[n] as Entry
    return {
      role,
      first:
        seq === null ? undefined : toEvent({ roomId, seq: Number(seq), type, sender, clientId, data, at }),
    }
  })
  return { at: rows[0]?.now as Date, facts }
}

/**
 * The number of this transaction, or of the room's latest event, if that is the higher: a transaction that began earlier may
 * get the room's lock later. So within a room numbers of transactions never fall, and who reads all rooms by them reads
 * each in its order (log/event-stream.ts). A room's first event comes after the end of the room that had its id before.
 * One this database has not come to yet was loaded from a dump of another.
 * @param roomId SQL of the room, whose row is locked
 */
export const latestTx = (roomId: string): string => `greatest(pg_current_xact_id(), (
    select before.tx from (select coalesce(
        (select tx from events where events.room_id = ${roomId} order by seq desc limit 1),
        (select tx from deleted_rooms where deleted_rooms.room_id = ${roomId} order by number desc limit 1)) as tx) before
    where before.tx < pg_snapshot_xmax(pg_current_snapshot())))`

const insert = async ({ $client }: Connection, events: readonly RoomEvent[]): Promise<void> => {
  if (events.length === 0) return
  await $client.query({
    name: 'log.insert',
    text: `insert into events (room_id, seq, type, sender, client_id, data, at, tx)
      select new.*, ${latestTx('new.room_id')} from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[],
        $6::json[], $7::timestamptz[]) as new (room_id, seq, type, sender, client_id, data, at)`,
    values: [
      events.map(event => event.roomId),
      events.map(event => event.seq),
      events.map(event => event.type),
      events.map(event => event.sender ?? null),
      events.map(event => event.clientId ?? null),
      events.map(event => JSON.stringify(event.data)),
      events.map(event => event.at),
    ],
  })
}
