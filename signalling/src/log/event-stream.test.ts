import { LIMITS, type RoomEvent } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import type { Database } from '../database.ts'
import { Snapshots } from '../inbox/snapshots.ts'
import { rooms } from '../schema.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { inTransaction } from './connection.ts'
import { forgetEnds, tellEnd } from './deleted-rooms.ts'
import type { Entry } from './entry.ts'
import { EventLog } from './event-log.ts'
import { EventStream } from './event-stream.ts'
import { check, lockRooms, write } from './write.ts'

let server: TestDatabase
let database: Database
let log: EventLog
let stream: EventStream

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  // It writes when it likes, and whoever writes holds the horizon back.
  await database.execute(sql`alter system set autovacuum = off`)
  await database.execute(sql`select pg_reload_conf()`)
  log = new EventLog(database)
  stream = new EventStream({ database, snapshots: new Snapshots(database) })
}, 60_000)

const say = (roomId: string, text: string, by = log) =>
  by.append({
    roomId,
    type: 'message.created',
    sender: 'ada',
    data: { parts: [{ mime: 'text/plain', text }] },
  })

/** Everything after a cursor, read in pages. */
const readAll = async (from: string, limit = 7) => {
  const events: RoomEvent[] = []
  for (let cursor = from; ; ) {
    const stretch = await stream.read(cursor, limit)
    if (!stretch) throw new Error('the cursor is of another database')
    expect(stretch.events.length).toBeLessThanOrEqual(limit)
    events.push(...stretch.events.map(({ event }) => event))
    cursor = stretch.cursor
    if (stretch.isEnd) return { events, cursor }
  }
}
const nameOf = ({ roomId, seq }: RoomEvent) => `${roomId} ${seq}`

test('gives every event of all rooms once, those of each room in their order, while many write', async () => {
  const rooms = Array.from({ length: 12 }, (_, n) => `many-${n}`)
  for (const room of rooms) await server.addRoom(room, ['ada'])
  const start = await stream.now()
  // Other nodes have connections and queues of their own.
  const logs = [log, new EventLog(await server.open()), new EventLog(await server.open())]
  const writing = Promise.all(
    Array.from({ length: 600 }, async (_, n) => {
      await new Promise(resolve => setTimeout(resolve, Math.random() * 500))
      const room = rooms[n % rooms.length] ?? ''
      const by = logs[n % logs.length] ?? log
      // Some take a transaction of their own, which begins before it has the room.
      if (n % 5 > 0) return say(room, `${n}`, by)
      return by.transaction(room, async ({ append, executor }) => {
        await executor.execute(sql`select pg_current_xact_id(), pg_sleep(0.002)`)
        return append({ type: 'room.updated', sender: 'ada', data: { changes: { title: `${n}` } } })
      })
    }),
  )
  const seen: RoomEvent[] = []
  let cursor = start
  let isOver = false
  void writing.then(() => {
    isOver = true
  })
  for (;;) {
    const wasOver = isOver
    const { events, cursor: next } = await readAll(cursor)
    seen.push(...events)
    cursor = next
    if (wasOver) break
  }
  expect(seen).toHaveLength(600)
  for (const room of rooms) {
    const numbers = seen.filter(({ roomId }) => roomId === room).map(({ seq }) => seq)
    expect(numbers).toEqual(Array.from(numbers, (_, i) => i + 1))
  }
  expect((await readAll(start, 50)).events.map(nameOf)).toEqual(seen.map(nameOf))
})

test('a transaction that began before others, and got the room after them, comes after them', async () => {
  await server.addRoom('late', ['ada'])
  const start = await stream.now()
  const data = { changes: { title: 'late' } }
  const late: Entry<'room.updated'> = { roomId: 'late', type: 'room.updated', sender: 'ada', data }
  await inTransaction(database.$client, async connection => {
    await connection.execute(sql`select pg_current_xact_id()`)
    await say('late', 'first')
    // Nothing is told while somebody may still write before it.
    expect((await readAll(start)).events).toEqual([])
    await write(connection, await lockRooms(connection, ['late']), await check(connection, [late]), [late])
  })
  await say('late', 'last')
  expect((await readAll(start, 1)).events.map(nameOf)).toEqual(['late 1', 'late 2', 'late 3'])
})

test('the end of a room comes after its last event, and before the first of another of its id', async () => {
  await server.addRoom('ended', ['ada'])
  const start = await stream.now()
  for (const text of ['one', 'two']) await say('ended', text)
  const before = await stream.now()
  // Whoever makes the next has its number of a transaction before whoever deletes this one.
  await inTransaction(database.$client, async connection => {
    await connection.execute(sql`select pg_current_xact_id()`)
    await log.transaction('ended', async ({ executor }) => {
      await tellEnd(executor, 'ended', 'ada')
      for (const table of ['events', 'messages']) {
        await executor.execute(sql.raw(`delete from ${table} where room_id = 'ended'`))
      }
      await executor.execute(sql`delete from rooms where id = 'ended'`)
    })
    const room = { id: 'ended', kind: 'group' as const, title: '', metadata: {} }
    await connection.insert(rooms).values(room)
    const anew: Entry<'room.updated'> = { roomId: 'ended', type: 'room.updated', data: { changes: {} } }
    await write(connection, await lockRooms(connection, ['ended']), await check(connection, [anew]), [anew])
  })
  await say('ended', 'three')
  for (const cursor of [start, before]) {
    const { events } = await readAll(cursor, 1)
    expect(events.map(({ seq, type }) => `${seq} ${type}`)).toEqual([
      '3 room.deleted',
      '1 room.updated',
      '2 message.created',
    ])
    expect(events[0]).toMatchObject({ roomId: 'ended', sender: 'ada', data: {} })
  }
  const numbers: number[] = []
  for (let cursor = before, isEnd = false; !isEnd; ) {
    const stretch = await stream.read(cursor, 10)
    numbers.push(...(stretch?.events ?? []).map(({ room }) => room.number))
    cursor = stretch?.cursor ?? ''
    isEnd = stretch?.isEnd ?? true
  }
  expect(new Set(numbers).size).toBe(2)
  // Forgotten once it is old, and not before.
  for (const [age, kept] of [
    [LIMITS.deletedRoomsKeptMs - 60_000, 1],
    [LIMITS.deletedRoomsKeptMs, 0],
  ] as const) {
    await database.execute(sql`update deleted_rooms set at = now() - make_interval(secs => ${age / 1_000})`)
    await forgetEnds(database)
    expect((await database.execute(sql`select 1 from deleted_rooms`)).rows).toHaveLength(kept)
  }
  expect((await readAll(before)).events.map(({ seq }) => seq)).toEqual([1, 2])
})

test('begins at a time, and goes on from any cursor it gave', async () => {
  await server.addRoom('timed', ['ada'])
  await say('timed', 'before')
  await new Promise(resolve => setTimeout(resolve, 20))
  const middle = new Date()
  await new Promise(resolve => setTimeout(resolve, 20))
  await say('timed', 'after')
  const { events } = await readAll(await stream.at(middle))
  expect(events.filter(({ roomId }) => roomId === 'timed').map(({ seq }) => seq)).toEqual([2])
  const first = await stream.read(await stream.at(new Date(0)), 5)
  const rest = await readAll(first?.cursor ?? '')
  const all = await readAll(await stream.at(new Date(0)))
  expect([...(first?.events ?? []).map(({ event }) => event), ...rest.events].map(nameOf)).toEqual(
    all.events.map(nameOf),
  )
})

test('those who are at the same place share what is read', async () => {
  const start = await stream.now()
  await server.addRoom('shared', ['ada'])
  await say('shared', 'once')
  const [one, two, other] = await Promise.all([
    stream.read(start, 5),
    stream.read(start, 5),
    stream.read(start, 6),
  ])
  expect(one?.events).toHaveLength(1)
  expect(two).toBe(one)
  expect(other).not.toBe(one)
  await say('shared', 'twice')
  expect((await readAll(start)).events.map(nameOf)).toEqual(['shared 1', 'shared 2'])
})

test('what is no cursor is refused, and one of another database is none of ours', async () => {
  await expect(stream.read('nonsense', 5)).rejects.toMatchObject({ code: 'invalid_request' })
  const forged = Buffer.from(JSON.stringify(['another', '5', '0', '0'])).toString('base64url')
  expect(await stream.read(forged, 5)).toBeUndefined()
})

test('reads by the index of ranges, however long the log is', async () => {
  const plan = await database.transaction(async transaction => {
    // Of a short one it reads all: that is faster.
    await transaction.execute(sql`set local enable_seqscan = off`)
    return transaction.execute<{ 'QUERY PLAN': string }>(sql`
      explain select 1 from events where (events.tx::text)::bigint >= 5 and (events.tx::text)::bigint < 6`)
  })
  expect(plan.rows.map(row => row['QUERY PLAN']).join('\n')).toContain('events_by_tx')
})
