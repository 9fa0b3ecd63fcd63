import type { EventData, EventType, GrantedRole } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { rounds, seed } from '../../../test/src/support/rounds.ts'
import type { Database } from '../database.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { type Connection, inTransaction } from './connection.ts'
import { EventLog } from './event-log.ts'
import { replay } from './replay.ts'

const RUNS = rounds(40)
const USERS = ['ann', 'bob', 'cid', 'dan']
const userOf = (id: string) => ({ id, name: id, kind: 'user' as const })

let server: TestDatabase
let database: Database
let log: EventLog
let made = 0

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  log = new EventLog(database)
}, 60_000)

/** Something to append; which message it is about is drawn among those there are by then. */
type Step = {
  type: EventType
  sender: string | undefined
  message: number
  data: object
  at: 'once' | 'later'
}

const user = fc.constantFrom(...USERS)
const role = fc.constantFrom<GrantedRole>('owner', 'moderator', 'publisher', 'member')
const said = {
  parts: fc.array(
    fc.oneof(
      fc.record({ mime: fc.constant('text/plain'), text: fc.string() }),
      fc.record({ mime: fc.constant('image/png'), fileId: fc.constantFrom('file_1', 'file_2', 'file_3') }),
    ),
    { maxLength: 2 },
  ),
  mentions: fc.option(fc.array(user, { maxLength: 3 }), { nil: undefined }),
}
/** `true` where the number of a message is to stand. */
const about = { messageSeq: fc.constant(true) }
const optional = fc.option(fc.constant(true), { nil: undefined })
const time = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
const until = fc.option(
  time.map(date => date.toISOString()),
  { nil: undefined },
)
/** An id that is another in each room. */
const ofRoom = fc.constantFrom('a', 'b').map(id => `${id}@room`)
const users = fc.uniqueArray(user, { maxLength: 3 })

const shapes: Partial<Record<EventType, fc.Arbitrary<object>>> = {
  'room.updated': fc.record({
    changes: fc.record(
      {
        title: fc.string({ maxLength: 20 }),
        description: fc.string({ maxLength: 20 }),
        avatar: fc.constantFrom(null, 'https://example.com/a.png'),
        guests: fc.boolean(),
        access: fc.constantFrom('open', 'request', 'invite'),
        retentionDays: fc.constantFrom(null, 7),
        metadata: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
      },
      { requiredKeys: [] },
    ),
  }),
  'room.archived': fc.constant({}),
  'room.restored': fc.constant({}),
  'member.invited': fc.record({ user: user.map(userOf), role }),
  'member.requested': fc.record({ user: user.map(userOf) }),
  'member.joined': fc.record({ user: user.map(userOf), role }),
  'member.changed': fc.record({ userId: user, role }),
  'member.left': fc.record({ userId: user }),
  'member.removed': fc.record({ userId: user }),
  'member.banned': fc.record({ userId: user, reason: fc.constantFrom(undefined, 'noise'), until }),
  'member.unbanned': fc.record({ userId: user }),
  'message.created': fc.record({
    ...said,
    replyTo: optional,
    threadOf: optional,
    silent: optional,
    expiresAt: until,
  }),
  'message.edited': fc.record({ ...about, ...said }),
  'message.deleted': fc.record(about),
  'message.pinned': fc.record(about),
  'message.unpinned': fc.record(about),
  'reaction.added': fc.record({ ...about, reaction: fc.constantFrom('+', '-') }),
  'reaction.removed': fc.record({ ...about, reaction: fc.constantFrom('+', '-') }),
  'node.published': fc.record({ node: fc.constantFrom('status', 'x-t'), payload: fc.jsonValue() }),
  'call.started': fc.record({ callId: ofRoom }),
  'call.ended': fc.record({
    callId: ofRoom,
    durationMs: fc.nat(1e6),
    userIds: fc.option(users, { nil: undefined }),
  }),
  'ring.started': fc.record({
    ringId: ofRoom,
    media: fc.constantFrom('audio', 'video'),
    userIds: users,
    expiresAt: time.map(date => date.toISOString()),
    busy: fc.option(users, { nil: undefined }),
    missed: fc.option(users, { nil: undefined }),
  }),
  'ring.accepted': fc.record({ ringId: ofRoom }),
  'ring.declined': fc.record({ ringId: ofRoom, busy: optional }),
  'ring.ended': fc.record({
    ringId: ofRoom,
    media: fc.constantFrom('audio', 'video'),
    from: user,
    missed: users,
    answered: optional,
    cancelled: optional,
  }),
}

const steps = fc.array(
  fc.oneof(
    ...Object.entries(shapes).map(([type, data]) => ({
      // Rooms mostly hold messages.
      weight: type === 'message.created' ? 12 : 2,
      arbitrary: fc.record({
        type: fc.constant(type as EventType),
        sender: type.startsWith('room.') ? fc.constant(undefined) : user,
        message: fc.nat(),
        data,
        at: fc.constantFrom('once' as const, 'later' as const),
      }),
    })),
  ),
  { minLength: 1, maxLength: 80 },
)

/** Without JSON's undefined, which no row holds, and with characters PostgreSQL takes: the edge refuses the others. */
const storable = (text: string): string => text.replaceAll('\\u0000', '').toWellFormed()

const perform = async (roomId: string, all: readonly Step[]): Promise<void> => {
  const seqs: number[] = []
  const deleted = new Set<number>()
  let waiting: Promise<unknown>[] = []
  for (const { type, sender, message, data, at } of all) {
    const target = seqs[message % Math.max(1, seqs.length)]
    const fill = ([key, value]: [string, unknown]) =>
      value === true && /^(messageSeq|replyTo|threadOf)$/.test(key) ? [key, target] : [key, value]
    const text = storable(JSON.stringify(Object.fromEntries(Object.entries(data).map(fill))))
    const filled = JSON.parse(text.replaceAll('@room', `@${roomId}`))
    if ('messageSeq' in data && target === undefined) continue
    // The command refuses it: what an edit after it said would stay in the log.
    if (type === 'message.edited' && target !== undefined && deleted.has(target)) continue
    if (type === 'message.deleted' && target !== undefined) deleted.add(target)
    const entry = { roomId, type, sender, data: filled as EventData }
    // Who may write says it by that right, the others as if they had been let in: the log has a way of its own for each.
    const said =
      type === 'message.created' && sender !== undefined
        ? log.append({ ...entry, right: 'write' }).catch(() => log.append(entry))
        : log.append(entry)
    const work = said.then(({ event }) => type === 'message.created' && seqs.push(event.seq))
    waiting.push(work)
    if (at === 'once') continue
    await Promise.all(waiting)
    waiting = []
  }
  await Promise.all(waiting)
}

/** What the log says of a room, as the tables hold it: all but what stands in no event. */
const TABLES = {
  rooms: `kind, title, description, avatar, access, default_role, retention_days, archived_at, member_count,
    metadata::text, guests, last_seq, last_message_seq, last_message_at, last_call_seq, last_call_at`,
  members: 'user_id, role, joined_at, pending, offered, ban_reason, ban_until, banned_by, read_seq',
  departures: 'user_id',
  messages: `seq, sender, at, thread_of, counts, content_seq, edited_at, deleted_at, pinned_at, expires_at,
    thread_count, thread_last_seq`,
  mentions: 'user_id, seq',
  reactions: 'seq, user_id, reaction, added_seq',
  message_files: 'seq, file_id',
  node_values: 'node, sender, seq',
  calls: 'id, started_at, ended_at, duration_ms',
  call_users: 'call_id, user_id',
  ring_targets: 'ring_id, user_id, state, missed_seq',
  rings: 'id, seq, last_seq, from_id, media, started_at, expires_at, ended_at, cancelled, call_id',
}

const readTables = async ({ $client }: Connection, roomId: string) => {
  const tables: Record<string, unknown[]> = {}
  for (const [table, columns] of Object.entries(TABLES)) {
    const id = table === 'rooms' ? 'id' : 'room_id'
    const { rows } = await $client.query(
      `select row_to_json(t) as row from (select ${columns} from ${table} where ${id} = $1) t order by row_to_json(t)::text`,
      [roomId],
    )
    tables[table] = rows.map(({ row }) => row)
  }
  return tables
}

const forget = async ({ $client }: Connection, roomId: string): Promise<void> => {
  for (const table of Object.keys(TABLES)) {
    if (table !== 'rooms') await $client.query(`delete from ${table} where room_id = $1`, [roomId])
  }
  await $client.query(
    `update rooms set title = '', description = '', avatar = null, access = 'invite', default_role = 'publisher',
       retention_days = null, archived_at = null, member_count = 0, metadata = '{}', guests = false,
       last_seq = 0, last_message_seq = null, last_message_at = null, last_call_seq = null, last_call_at = null
     where id = $1`,
    [roomId],
  )
}

/** What holds of any room, counted another way than the projector does. */
const assertSound = async (roomId: string): Promise<void> => {
  const { rows } = await database.execute(sql`
    select 'member_count' as broken from rooms where id = ${roomId} and member_count <>
      (select count(*) from members where room_id = ${roomId} and role not in ('pending', 'banned'))
    union all select 'last_message' from rooms where id = ${roomId} and last_message_seq is distinct from
      (select max(seq) from messages where room_id = ${roomId} and deleted_at is null)
    union all select 'thread' from messages parent where room_id = ${roomId}
      and (thread_count, coalesce(thread_last_seq, 0)) is distinct from
        (select (count(*)::int, coalesce(max(seq), 0)) from messages
         where room_id = ${roomId} and thread_of = parent.seq and deleted_at is null)
    union all select 'deleted' from messages where room_id = ${roomId} and deleted_at is not null and (counts
      or pinned_at is not null or expires_at is not null
      or exists (select from reactions where room_id = ${roomId} and seq = messages.seq)
      or exists (select from mentions where room_id = ${roomId} and seq = messages.seq)
      or exists (select from events where room_id = ${roomId} and type in ('message.created', 'message.edited')
        and messages.seq in (seq, (data ->> 'messageSeq')::bigint) and data ->> 'deleted' is null))
    union all (select 'files' from message_files where room_id = ${roomId}
      and not exists (select from messages join events on (events.room_id, events.seq) = (messages.room_id, content_seq)
        cross join lateral json_array_elements(data -> 'parts') part
        where messages.room_id = ${roomId} and messages.seq = message_files.seq and part ->> 'fileId' = file_id))
    union all select 'file' from messages join events on (events.room_id, events.seq) = (messages.room_id, content_seq)
      cross join lateral json_array_elements(data -> 'parts') part
      where messages.room_id = ${roomId} and part ->> 'fileId' is not null and not exists (
        select from message_files where room_id = ${roomId} and seq = messages.seq and file_id = part ->> 'fileId')
    union all select 'departed' from departures join members using (room_id, user_id)
      where room_id = ${roomId} and role not in ('pending', 'banned')
    union all select 'ring' from rings join ring_targets on ring_targets.ring_id = rings.id
      where rings.room_id = ${roomId} and ended_at is not null and state = 'ringing'
    union all select 'silent' from messages join events using (room_id, seq)
      where room_id = ${roomId} and deleted_at is null and counts <> (data ->> 'silent' is null)`)
  expect(rows).toEqual([])
}

class Undone extends Error {}

test(
  `${RUNS} random histories: replaying a room's log from nothing gives the stored tables`,
  async () => {
    const property = fc.asyncProperty(steps, async all => {
      const roomId = `room-${++made}`
      await server.addRoom(roomId, USERS)
      await log.append({ roomId, type: 'room.created', data: { kind: 'group', title: 'Ward', guests: true } })
      const callId = `call-${made}`
      await log.append({ roomId, type: 'call.started', data: { callId } })
      await perform(roomId, all as Step[])
      await log.append({ roomId, type: 'call.ended', data: { callId, durationMs: 1 } })
      await assertSound(roomId)
      // Undone afterwards: the replay is what is looked at.
      const undone = inTransaction(database.$client, async connection => {
        const stored = await readTables(connection, roomId)
        await forget(connection, roomId)
        await replay(connection, roomId)
        expect(await readTables(connection, roomId)).toEqual(stored)
        throw new Undone()
      })
      await expect(undone).rejects.toThrow(Undone)
    })
    await fc.assert(property, { numRuns: RUNS, seed: seed() })
  },
  60_000 + RUNS * 1_000,
)
