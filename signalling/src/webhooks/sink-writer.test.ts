import { createLogger, createMetrics, createRedis, type Redis } from '@trunkline/kit'
import type { OutgoingEvent } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { cleanUpAfterAll } from '../../../test/src/support/clean-ups.ts'
import { metricOf } from '../../../test/src/support/metrics.ts'
import { startRedis, type TestRedis } from '../../../test/src/support/redis.ts'
import type { Database } from '../database.ts'
import { Snapshots } from '../inbox/snapshots.ts'
import { EventLog } from '../log/event-log.ts'
import { EventStream } from '../log/event-stream.ts'
import { LogWatch } from '../log/log-watch.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { RedisStreamSink } from './redis-stream-sink.ts'
import { SinkWriter } from './sink-writer.ts'

const WAIT = { timeout: 60_000, interval: 50 }
const logger = createLogger({ name: 'sink-test', level: 'silent' })
const register = cleanUpAfterAll()

let server: TestDatabase
let database: Database
let redis: TestRedis
let log: EventLog
let made = 0
/** Of this test. */
let stream = ''

beforeAll(async () => {
  ;[server, redis] = await Promise.all([startTestDatabase(), startRedis(register)])
  database = await server.open()
  await database.execute(sql`alter system set autovacuum = off`)
  await database.execute(sql`select pg_reload_conf()`)
  log = new EventLog(database)
}, 60_000)
beforeEach(() => {
  stream = `stream-${++made}`
})

const connect = async (): Promise<Redis> => {
  const client = await createRedis(redis.url, logger)
  await client.connect()
  onTestFinished(() => client.destroy())
  return client
}

/** One process that copies the log. */
const startWriter = async (length = 100_000) => {
  const sink = new RedisStreamSink(await connect(), { stream, length })
  const watch = new LogWatch(log)
  const events = new EventStream({ database, snapshots: new Snapshots(database) })
  const metrics = createMetrics()
  const writer = new SinkWriter({ database, stream: events, watch, sink, metrics, logger })
  writer.start()
  const close = async () => {
    await writer.close()
    watch.close()
  }
  onTestFinished(close)
  return { close, metrics }
}

const say = (roomId: string, words = 'hello') =>
  log.append({
    roomId,
    type: 'message.created',
    sender: 'ada',
    data: { parts: [{ mime: 'text/plain', text: words }] },
  })
const room = async (): Promise<string> => {
  const id = `${stream}-room-${++made}`
  await server.addRoom(id, ['ada'])
  return id
}

/** What the stream has, oldest first. */
const entries = async (client: Redis) => {
  const found = (await client.xRange(stream, '-', '+')) ?? []
  return found.map(({ message: { roomId, event = 'null' } }) => ({
    roomId,
    event: JSON.parse(event) as OutgoingEvent,
  }))
}
const placeIsKept = (client: Redis) =>
  vi.waitFor(async () => expect(await client.get(`{${stream}}:place`)).not.toBeNull(), WAIT)

test('everything is in the stream once, in the order of its room, for whoever reads it in groups', async () => {
  const client = await connect()
  const { metrics } = await startWriter()
  await placeIsKept(client)
  const rooms = await Promise.all([room(), room(), room()])
  await client.xGroupCreate(stream, 'app', '0', { MKSTREAM: true })
  await Promise.all(Array.from({ length: 60 }, (_, n) => say(rooms[n % 3] ?? '', `${n}`)))
  await vi.waitFor(async () => expect(await client.xLen(stream)).toBe(60), WAIT)
  const read = await client.xReadGroup('app', 'one', [{ key: stream, id: '>' }], { COUNT: 100 })
  const [{ messages = [] } = {}] = (read ?? []) as { messages: { message: Record<string, string> }[] }[]
  expect(messages).toHaveLength(60)
  for (const { message } of messages) {
    const event = JSON.parse(message.event ?? '')
    expect(message).toMatchObject({ id: event.id, type: 'message.created', roomId: event.room.id })
  }
  for (const roomId of rooms) {
    const of = (await entries(client)).filter(entry => entry.roomId === roomId)
    expect(of.map(({ event }) => event.data.seq)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
  }
  const copied = `trunkline_event_sink_events_total{sink="redis ${stream}"}`
  await vi.waitFor(async () => expect(metricOf(await metrics.metrics(), copied)).toBe(60), WAIT)
})

test('of two processes one writes, and the other goes on where it ended', async () => {
  const client = await connect()
  const first = await startWriter()
  await placeIsKept(client)
  const writer = await client.get(`{${stream}}:writer`)
  await startWriter()
  const roomId = await room()
  for (let n = 0; n < 10; n++) await say(roomId)
  await vi.waitFor(async () => expect(await client.xLen(stream)).toBe(10), WAIT)
  expect(await client.get(`{${stream}}:writer`)).toBe(writer)
  await first.close()
  for (let n = 0; n < 10; n++) await say(roomId)
  await vi.waitFor(async () => expect(await client.xLen(stream)).toBe(20), WAIT)
  const seqs = (await entries(client)).map(({ event }) => event.data.seq)
  expect(seqs).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
})

test('one that stood still, and what it thought lost, changes nothing', async () => {
  const client = await connect()
  const options = { stream, length: 1_000 }
  const [one, two] = [new RedisStreamSink(client, options), new RedisStreamSink(client, options)]
  const event = { id: 'evt_1_1', type: 'message.created', room: { id: 'a' } } as OutgoingEvent
  const place = (cursor: string) => ({ cursor, at: new Date(0) })
  expect(await one.begin()).toBeUndefined()
  expect(await two.begin()).toBe('taken')
  expect(await one.put([event], place('1'))).toBe(true)
  // As if its time were over.
  await client.del(`{${stream}}:writer`)
  expect(await two.begin()).toEqual(place('1'))
  expect(await one.put([event], place('2'))).toBe(false)
  expect(await two.put([event], place('2'))).toBe(true)
  // A request of its own that arrives after it asked anew: the place has moved.
  await client.set(`{${stream}}:place`, JSON.stringify(place('3')))
  expect(await two.put([event], place('3'))).toBe(false)
  await two.end()
  expect(await one.begin()).toEqual(place('3'))
  expect(await client.xLen(stream)).toBe(2)
})

test('a Redis that hangs, and one that forgot everything, miss nothing', async () => {
  const client = await connect()
  await startWriter()
  await placeIsKept(client)
  const roomId = await room()
  await say(roomId)
  await vi.waitFor(async () => expect(await client.xLen(stream)).toBe(1), WAIT)
  // Longer than anybody waits for an answer.
  await client.sendCommand(['CLIENT', 'PAUSE', '5000', 'ALL'])
  for (let n = 0; n < 5; n++) await say(roomId)
  await vi.waitFor(async () => expect(await client.xLen(stream)).toBe(6), WAIT)
  expect((await entries(client)).map(({ event }) => event.data.seq)).toEqual([1, 2, 3, 4, 5, 6])
  await redis.kill()
  for (let n = 0; n < 5; n++) await say(roomId)
  await redis.restart()
  await say(roomId)
  await vi.waitFor(async () => {
    const seqs = (await entries(client)).map(({ event }) => event.data.seq)
    // What it remembered last may be a moment old: it comes again, in order, and what was said meanwhile after it.
    expect(seqs.slice(-6)).toEqual([7, 8, 9, 10, 11, 12])
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(new Set(seqs).size).toBe(seqs.length)
  }, WAIT)
})

test('keeps about as many as it should, and waits where nothing can be written', async () => {
  const client = await connect()
  await client.set(stream, 'of another kind')
  await startWriter(1_000)
  const roomId = await room()
  // Known from then on, though nothing can be written.
  await vi.waitFor(async () => {
    const { rows } = await database.execute(sql`select from event_sinks where name = ${`redis ${stream}`}`)
    expect(rows).toHaveLength(1)
  }, WAIT)
  await Promise.all(Array.from({ length: 1_500 }, (_, n) => say(roomId, `${n}`)))
  await client.del(stream)
  await vi.waitFor(async () => {
    const [last] = (await client.xRevRange(stream, '+', '-', { COUNT: 1 })) ?? []
    expect(JSON.parse(last?.message.event ?? '{}').data?.seq).toBe(1_500)
  }, WAIT)
  const length = await client.xLen(stream)
  expect(length).toBeGreaterThanOrEqual(1_000)
  // Redis trims whole blocks of a hundred.
  expect(length).toBeLessThan(1_200)
  const seqs = (await entries(client)).map(({ event }) => event.data.seq)
  expect(seqs).toEqual(Array.from({ length }, (_, n) => 1_500 - length + n + 1))
})
