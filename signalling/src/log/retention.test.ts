import { createLogger } from '@trunkline/kit'
import { LIMITS, type RoomEvent, type User } from '@trunkline/protocol'
import { and, eq, lte, sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { MessageReader } from '../chat/message-reader.ts'
import type { Database } from '../database.ts'
import { Inbox } from '../inbox/inbox.ts'
import { Snapshots } from '../inbox/snapshots.ts'
import { Sync } from '../inbox/sync.ts'
import { Nodes } from '../nodes/nodes.ts'
import { events, mentions, messageSearch, messages, nodeValues, reactions, rooms } from '../schema.ts'
import { indexRooms } from '../search/index-rooms.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { EventLog } from './event-log.ts'
import { Retention } from './retention.ts'

const ann: User = { id: 'ann', name: 'ann', kind: 'user' }
const logger = createLogger({ name: 'retention-test', level: 'silent' })

let server: TestDatabase
let database: Database
let log: EventLog
let retention: Retention
let made = 0

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  log = new EventLog(database)
  retention = new Retention({ database, logger })
}, 60_000)

/** A room that keeps its events for so many days, with one in it. */
const room = async (retentionDays: number | null): Promise<string> => {
  const id = `room-${++made}`
  await server.addRoom(id, ['ann'])
  await log.append({ roomId: id, type: 'member.joined', sender: 'ann', data: { user: ann, role: 'owner' } })
  await database.update(rooms).set({ retentionDays }).where(eq(rooms.id, id))
  return id
}

const say = async (roomId: string, more: object = {}): Promise<RoomEvent> => {
  const data = { parts: [{ mime: 'text/plain', text: 'hello' }], ...more }
  return (await log.append({ roomId, type: 'message.created', sender: 'ann', data })).event
}

/** Makes what happened up to a number older than it is. */
const age = (roomId: string, upTo: number, days: number) =>
  database
    .update(events)
    .set({ at: sql`now() - make_interval(days => ${days})` })
    .where(and(eq(events.roomId, roomId), lte(events.seq, upTo)))

const seqsOf = async (
  table: typeof events | typeof messages | typeof mentions | typeof reactions | typeof messageSearch,
  roomId: string,
) => {
  const rows = await database
    .select({ seq: table.seq })
    .from(table)
    .where(eq(table.roomId, roomId))
    .orderBy(table.seq)
  return rows.map(row => row.seq)
}

test('what is older than a room keeps goes, with all that hangs on it; the rest stays whole', async () => {
  const [roomId, keeps] = [await room(7), await room(null)]
  for (const id of [roomId, keeps]) {
    const { seq } = await say(id, { mentions: ['ann'] })
    await log.append({
      roomId: id,
      type: 'reaction.added',
      sender: 'ann',
      data: { messageSeq: seq, reaction: '👍' },
    })
    await log.append({ roomId: id, type: 'message.pinned', sender: 'ann', data: { messageSeq: seq } })
    await say(id, { mentions: ['ann'] })
    await indexRooms(database, [id])
    await age(id, 4, 8)
  }
  expect(await retention.sweep()).toBe(4)
  expect(await seqsOf(events, roomId)).toEqual([5])
  expect(await seqsOf(messages, roomId)).toEqual([5])
  expect(await seqsOf(mentions, roomId)).toEqual([5])
  expect(await seqsOf(reactions, roomId)).toEqual([])
  expect(await seqsOf(messageSearch, roomId)).toEqual([5])
  expect(await seqsOf(messageSearch, keeps)).toEqual([2, 5])
  expect(await seqsOf(events, keeps)).toEqual([1, 2, 3, 4, 5])
  const [row] = await database.select().from(rooms).where(eq(rooms.id, roomId))
  expect(row).toMatchObject({ firstSeq: 5, lastSeq: 5, lastMessageSeq: 5 })
  expect((await say(roomId)).seq).toBe(6)
  expect(await retention.sweep()).toBe(0)
})

test('whoever asks for what went is told which numbers will not come', async () => {
  const roomId = await room(1)
  for (let said = 0; said < 5; said++) await say(roomId)
  await age(roomId, 3, 2)
  const reads = { snapshots: new Snapshots(database), reader: new MessageReader(database) }
  const sync = new Sync(reads)
  const before = await sync.since(ann, { limit: 20 })
  await say(roomId)
  await retention.sweep()
  expect(await log.page({ roomId, after: 1, limit: 10 })).toMatchObject({ removed: { from: 2, to: 3 } })
  expect(await log.page({ roomId, before: 5, limit: 10 })).toMatchObject({
    events: [{ seq: 4 }],
    hasMore: false,
    removed: { from: 1, to: 3 },
  })
  expect(await log.page({ roomId, after: 3, limit: 10 })).not.toHaveProperty('removed')
  // Known up to the sixth: nothing of what went would have been news.
  const after = await sync.since(ann, { cursor: before.cursor, limit: 20 })
  expect(after.rooms).toMatchObject([{ room: { id: roomId, firstSeq: 4 }, events: [{ seq: 7 }] }])
  expect(after.rooms[0]).not.toHaveProperty('removed')

  for (let said = 0; said < 3; said++) await say(roomId)
  await age(roomId, 8, 2)
  await retention.sweep()
  const late = await sync.since(ann, { cursor: before.cursor, limit: 20 })
  expect(late.rooms[0]).toMatchObject({ events: [{ seq: 9 }, { seq: 10 }], removed: { from: 1, to: 8 } })
})

test('the latest event stays, however old; lists show a room with nothing in it', async () => {
  const roomId = await room(1)
  const { seq } = await say(roomId)
  await log.append({ roomId, type: 'message.pinned', sender: 'ann', data: { messageSeq: seq } })
  await age(roomId, 3, 100)
  await retention.sweep()
  expect(await seqsOf(events, roomId)).toEqual([3])
  const inbox = new Inbox({ snapshots: new Snapshots(database), reader: new MessageReader(database) })
  const { data } = await inbox.list(ann, { archived: false, limit: 200 })
  const entry = data.find(({ room }) => room.id === roomId)
  expect(entry).toMatchObject({ lastMessage: null, unread: 0, room: { firstSeq: 3, lastSeq: 3 } })
  expect(entry?.activeAt).toBe(entry?.room.createdAt)
})

test('the latest value of a node goes with its event', async () => {
  const roomId = await room(1)
  const nodes = new Nodes({ database, log })
  await nodes.publish({ roomId, data: { node: 'x-a', payload: 1 } })
  await nodes.publish({ roomId, data: { node: 'x-b', payload: 2 } })
  await age(roomId, 2, 2)
  await retention.sweep()
  expect((await nodes.list(roomId)).map(item => item.node)).toEqual(['x-b'])
  const left = await database.select().from(nodeValues).where(eq(nodeValues.roomId, roomId))
  expect(left).toMatchObject([{ node: 'x-b' }])
})

test('a long log goes in parts, while others write, and two nodes leave it to one of them', async () => {
  const roomId = await room(1)
  await database.execute(sql`
    insert into events (room_id, seq, type, data) select ${roomId}, seq, 'room.updated', '{"changes":{}}'
    from generate_series(2, 5000) seq`)
  await database.update(rooms).set({ lastSeq: 5_000 }).where(eq(rooms.id, roomId))
  await age(roomId, 4_500, 2)
  const other = new Retention({ database: await server.open(), logger })
  const saying = Promise.all(Array.from({ length: 20 }, () => say(roomId)))
  const removed = await Promise.all([retention.sweep(), other.sweep()])
  await saying
  const rest = (await retention.sweep()) + (removed[0] ?? 0) + (removed[1] ?? 0)
  expect(rest).toBe(4_500)
  const { events: left, hasMore } = await log.page({ roomId, after: 4_500, limit: LIMITS.pageSize })
  expect(hasMore).toBe(true)
  expect(left[0]?.seq).toBe(4_501)
  const [row] = await database.select().from(rooms).where(eq(rooms.id, roomId))
  expect(row).toMatchObject({ firstSeq: 4_501, lastSeq: 5_020 })
})
