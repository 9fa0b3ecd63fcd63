import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS, type RoomEvent, type SyncAnswer, type User } from '@trunkline/protocol'
import { and, eq, sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { MessageReader } from '../chat/message-reader.ts'
import type { Database } from '../database.ts'
import { EventLog } from '../log/event-log.ts'
import { blocks, events, members, rooms } from '../schema.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { Snapshots } from './snapshots.ts'
import { Sync } from './sync.ts'

const bob: User = { id: 'bob', name: 'bob', kind: 'user' }

let server: TestDatabase
let database: Database
let log: EventLog
let sync: Sync
let made = 0

const syncOver = (over: Database) =>
  new Sync({ snapshots: new Snapshots(over), reader: new MessageReader(over) })

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  // It writes when it likes, and whoever writes holds the horizon back: then some is told twice.
  await database.execute(sql`alter system set autovacuum = off`)
  await database.execute(sql`select pg_reload_conf()`)
  log = new EventLog(database)
  sync = syncOver(database)
}, 60_000)

/** A user that is in no room yet. */
const somebody = async (): Promise<User> => {
  const id = `user-${++made}`
  await server.addRoom(`room-of-${id}`, [id])
  return { id, name: id, kind: 'user' }
}

const join = (roomId: string, user: User, role: 'owner' | 'publisher' | 'member' = 'publisher') =>
  log.append({ roomId, type: 'member.joined', sender: user.id, data: { user, role } })

/** A room with these in it. */
const room = async (...users: User[]): Promise<string> => {
  const id = `room-${++made}`
  await server.addRoom(
    id,
    users.map(user => user.id),
  )
  for (const user of users) await join(id, user)
  return id
}

const say = async (roomId: string, sender: User, text = 'hello', from = log): Promise<RoomEvent> => {
  const parts = [{ mime: 'text/plain', text }]
  return (await from.append({ roomId, type: 'message.created', sender: sender.id, data: { parts } })).event
}

const news = (answer: SyncAnswer) =>
  Object.fromEntries(answer.rooms.map(({ room, events }) => [room.id, events.map(event => event.seq)]))

test('first everything, then what is new, then nothing', async () => {
  const me = await somebody()
  const one = await room(me, bob)
  const two = await room(me, bob)
  await room(bob)
  const first = await sync.since(me, { limit: 20 })
  expect(first).toMatchObject({ reset: true, hasMore: false, left: [], pending: [] })
  expect(news(first)).toEqual({ [one]: [1, 2], [two]: [1, 2] })

  await say(two, bob)
  const second = await sync.since(me, { cursor: first.cursor, limit: 20 })
  expect(second.reset).toBe(false)
  expect(news(second)).toEqual({ [two]: [3] })
  expect(second.rooms[0]).toMatchObject({
    unread: 1,
    mentions: 0,
    hasMore: false,
    lastMessage: { seq: 3, text: 'hello' },
    me: { user: me, role: 'publisher', readSeq: 1 },
  })
  expect(news(await sync.since(me, { cursor: second.cursor, limit: 20 }))).toEqual({})
})

test('what was not committed when others already were comes with the next answer', async () => {
  const me = await somebody()
  const slow = await room(me, bob)
  const fast = await room(me, bob)
  const { cursor } = await sync.since(me, { limit: 20 })
  const held = Promise.withResolvers<void>()
  const appended = Promise.withResolvers<void>()
  const other = new EventLog(await server.open())
  const transaction = other.transaction(slow, async ({ append }) => {
    await append({ type: 'room.updated', sender: bob.id, data: { changes: { title: 'late' } } })
    appended.resolve()
    await held.promise
  })
  await appended.promise
  await say(fast, bob)
  const before = await sync.since(me, { cursor, limit: 20 })
  expect(news(before)).toEqual({ [fast]: [3] })
  held.resolve()
  await transaction
  const after = await sync.since(me, { cursor: before.cursor, limit: 20 })
  expect(news(after)).toMatchObject({ [slow]: [3] })
  expect(news(await sync.since(me, { cursor: after.cursor, limit: 20 }))).toEqual({})
})

test('whoever syncs while many write on two nodes has every event in the end', async () => {
  const me = await somebody()
  const roomIds = await Promise.all(Array.from({ length: 5 }, () => room(me, bob)))
  const nodes = [log, new EventLog(await server.open())]
  const anyOf = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T
  const had = new Map<string, Set<number>>(roomIds.map(id => [id, new Set()]))
  let cursor: string | undefined
  const look = async () => {
    const answer = await sync.since(me, { cursor, limit: LIMITS.syncEventsPerRoom })
    cursor = answer.cursor
    for (const { room, events, hasMore } of answer.rooms) {
      expect(hasMore).toBe(false)
      for (const { seq } of events) had.get(room.id)?.add(seq)
    }
  }
  let isWriting = true
  const write = async () => {
    for (let written = 0; written < 40; written++) {
      const title = `${written}`
      await anyOf(nodes).transaction(anyOf(roomIds), async ({ append }) => {
        await append({ type: 'room.updated', sender: bob.id, data: { changes: { title } } })
        // So that some that began later are over earlier.
        await sleep(Math.random() * 15)
      })
    }
  }
  const looking = (async () => {
    while (isWriting) await look()
  })()
  await Promise.all(Array.from({ length: 8 }, write))
  isWriting = false
  await looking
  await look()
  for (const roomId of roomIds) {
    const { events: all } = await log.page({ roomId, after: 0, limit: 1_000 })
    expect([...(had.get(roomId) ?? [])].sort((a, b) => a - b)).toEqual(all.map(event => event.seq))
  }
})

test('of a busy room there are the latest, and word of the others', async () => {
  const me = await somebody()
  const busy = await room(me, bob)
  const { cursor } = await sync.since(me, { limit: 5 })
  for (let said = 0; said < 7; said++) await say(busy, bob)
  const { rooms: told } = await sync.since(me, { cursor, limit: 5 })
  expect(told[0]).toMatchObject({ hasMore: true, unread: 7 })
  expect(told[0]?.events.map(event => event.seq)).toEqual([5, 6, 7, 8, 9])
  const exact = await sync.since(me, { cursor, limit: 7 })
  expect(exact.rooms[0]).toMatchObject({ hasMore: false })
  expect(exact.rooms[0]?.events).toHaveLength(7)
})

test('a room one came into meanwhile comes with what was said before', async () => {
  const me = await somebody()
  const { cursor } = await sync.since(me, { limit: 20 })
  const old = await room(bob)
  for (let said = 0; said < 3; said++) await say(old, bob)
  const between = await sync.since(me, { cursor, limit: 20 })
  expect(news(between)).toEqual({})
  await join(old, me)
  const answer = await sync.since(me, { cursor: between.cursor, limit: 20 })
  expect(news(answer)).toEqual({ [old]: [1, 2, 3, 4, 5] })
  expect(answer.rooms[0]).toMatchObject({ unread: 0, hasMore: false })
})

test('rooms one left, and those one is asked into', async () => {
  const me = await somebody()
  const going = await room(me, bob)
  const asking = await room(bob)
  const { cursor } = await sync.since(me, { limit: 20 })
  await log.append({ roomId: going, type: 'member.left', sender: me.id, data: { userId: me.id } })
  await log.append({
    roomId: asking,
    type: 'member.invited',
    sender: bob.id,
    data: { user: me, role: 'publisher' },
  })
  const answer = await sync.since(me, { cursor, limit: 20 })
  expect(answer).toMatchObject({
    rooms: [],
    left: [going],
    pending: [{ room: { id: asking }, pending: 'invited' }],
  })
  await join(going, me)
  const again = await sync.since(me, { cursor: answer.cursor, limit: 20 })
  expect(again).toMatchObject({ left: [], pending: [{ room: { id: asking } }] })
  expect(news(again)).toEqual({ [going]: [1, 2, 3, 4] })
})

test('who is banned is for the eyes of those who moderate', async () => {
  const me = await somebody()
  const owner = await somebody()
  const roomId = await room(me)
  await join(roomId, owner, 'owner')
  const [mine, theirs] = [await sync.since(me, { limit: 20 }), await sync.since(owner, { limit: 20 })]
  await log.append({ roomId, type: 'member.banned', data: { userId: bob.id, reason: 'spam' } })
  const types = async (user: User, { cursor }: SyncAnswer) =>
    (await sync.since(user, { cursor, limit: 20 })).rooms[0]?.events.map(event => event.type)
  expect(await types(me, mine)).toEqual(['member.removed'])
  expect(await types(owner, theirs)).toEqual(['member.banned'])
})

test('what was read on another device is news, without events', async () => {
  const me = await somebody()
  const roomId = await room(me, bob)
  const { seq } = await say(roomId, bob)
  const { cursor } = await sync.since(me, { limit: 20 })
  await database
    .update(members)
    .set({ readSeq: seq, tx: sql`pg_current_xact_id()` })
    .where(and(eq(members.roomId, roomId), eq(members.userId, me.id)))
  const answer = await sync.since(me, { cursor, limit: 20 })
  expect(answer.rooms).toMatchObject([{ room: { id: roomId }, me: { readSeq: seq }, unread: 0, events: [] }])
})

test('unread is what others said aloud and one has not blocked', async () => {
  const me = await somebody()
  const [loud, blocked] = [await somebody(), await somebody()]
  const roomId = await room(me, loud, blocked)
  await database.insert(blocks).values({ userId: me.id, blockedId: blocked.id })
  const speak = (sender: User, more: object = {}) =>
    log.append({
      roomId,
      type: 'message.created',
      sender: sender.id,
      data: { parts: [{ mime: 'text/plain', text: 'hi' }], mentions: [me.id], ...more },
    })
  const root = await speak(loud)
  await speak(loud, { threadOf: root.event.seq })
  await speak(loud, { mentions: [] })
  await speak(loud, { silent: true })
  await speak(blocked)
  await speak(me)
  const gone = await speak(loud)
  await log.append({
    roomId,
    type: 'message.deleted',
    sender: loud.id,
    data: { messageSeq: gone.event.seq },
  })
  const { rooms: told } = await sync.since(me, { limit: 20 })
  expect(told[0]).toMatchObject({ unread: 3, mentions: 2 })
})

test('an answer ends when it is large, and goes on where it ended', async () => {
  const me = await somebody()
  const large = 'x'.repeat(60_000)
  const roomIds = await Promise.all(Array.from({ length: 6 }, () => room(me)))
  for (const roomId of roomIds) for (let said = 0; said < 8; said++) await say(roomId, me, large)
  await say(roomIds[0] as string, me, 'small')
  let answer = await sync.since(me, { limit: 50 })
  const parts = [answer]
  expect(answer).toMatchObject({ reset: true, hasMore: true })
  // Told once the answer is whole: it was read before this was said.
  const late = await say(roomIds[0] as string, me)
  while (answer.hasMore) {
    answer = await sync.since(me, { cursor: answer.cursor, limit: 50 })
    parts.push(answer)
    expect(answer.reset).toBe(false)
  }
  expect(parts.length).toBeGreaterThan(2)
  for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(LIMITS.pageBytes + 100_000)
  const all = parts.flatMap(part => part.rooms)
  expect(all.map(({ room }) => room.id).sort()).toEqual([...roomIds].sort())
  for (const { room, events } of all) expect(events).toHaveLength(room.id === roomIds[0] ? 10 : 9)
  const after = await sync.since(me, { cursor: answer.cursor, limit: 50 })
  expect(news(after)).toEqual({ [roomIds[0] as string]: [late.seq] })
})

test('a single room larger than an answer is cut, not left out', async () => {
  const me = await somebody()
  const roomId = await room(me)
  for (let said = 0; said < 30; said++) await say(roomId, me, 'x'.repeat(60_000))
  const { rooms: told, hasMore } = await sync.since(me, { limit: 50 })
  expect(hasMore).toBe(false)
  expect(told).toMatchObject([{ hasMore: true }])
  const seqs = told[0]?.events.map(event => event.seq) ?? []
  expect(seqs.at(-1)).toBe(31)
  expect(seqs.length).toBeGreaterThan(10)
})

test('rows with numbers of transactions that have not been, as a dump brings them, are not new', async () => {
  const me = await somebody()
  const roomId = await room(me, bob)
  const ahead = sql`(pg_current_xact_id()::text::bigint + 1000000)::text::xid8`
  await database
    .update(events)
    .set({ tx: ahead as never })
    .where(eq(events.roomId, roomId))
  await database
    .update(rooms)
    .set({ tx: ahead as never })
    .where(eq(rooms.id, roomId))
  await database
    .update(members)
    .set({ tx: ahead as never })
    .where(eq(members.roomId, roomId))
  const first = await sync.since(me, { limit: 20 })
  expect(news(first)).toEqual({ [roomId]: [1, 2] })
  expect(news(await sync.since(me, { cursor: first.cursor, limit: 20 }))).toEqual({})
  await say(roomId, bob)
  const next = await sync.since(me, { cursor: first.cursor, limit: 20 })
  expect(news(next)).toEqual({ [roomId]: [3] })
  expect(next.rooms[0]).toMatchObject({ hasMore: false })
})

test('a cursor of another database begins anew; what is no cursor is refused', async () => {
  const me = await somebody()
  const roomId = await room(me)
  const { cursor } = await sync.since(me, { limit: 20 })
  const [identity, since] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  const forged = (...fields: unknown[]) => Buffer.from(JSON.stringify(fields)).toString('base64url')
  for (const other of [forged('another', since, '', ''), forged(identity, '999999999999', '', '')]) {
    const answer = await sync.since(me, { cursor: other, limit: 20 })
    expect(answer.reset).toBe(true)
    expect(news(answer)).toEqual({ [roomId]: [1] })
  }
  for (const wrong of [
    'nonsense',
    forged(identity),
    forged(identity, 'x', '', ''),
    forged(identity, since, '', '\0'),
  ]) {
    await expect(sync.since(me, { cursor: wrong, limit: 20 })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  }
})

test('a database role that may not ask which database it is, syncs as well', async () => {
  const me = await somebody()
  const roomId = await room(me)
  await database.execute(sql`create role plain login`)
  await database.execute(sql`grant select on all tables in schema public to plain`)
  await database.execute(sql`revoke execute on function pg_control_system() from public`)
  const before = await sync.since(me, { limit: 20 })
  const own = await server.open()
  const plain = {
    transaction: (work: Parameters<Database['transaction']>[0], config: object) =>
      own.transaction(async executor => {
        await executor.execute(sql`set local role plain`)
        return work(executor)
      }, config),
  } as unknown as Database
  const asPlain = syncOver(plain)
  const first = await asPlain.since(me, { limit: 20 })
  expect(news(first)).toEqual({ [roomId]: [1] })
  await say(roomId, me)
  const next = await asPlain.since(me, { cursor: first.cursor, limit: 20 })
  expect(next.reset).toBe(false)
  expect(news(next)).toEqual({ [roomId]: [2] })
  // It goes by something else, so it takes no chances with what others gave out.
  expect((await asPlain.since(me, { cursor: before.cursor, limit: 20 })).reset).toBe(true)
})
