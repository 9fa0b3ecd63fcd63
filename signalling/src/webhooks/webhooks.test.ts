import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createLogger, createMetrics } from '@trunkline/kit'
import { LIMITS, OutgoingEvent, type WebhookPost } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { Webhook as Verifier } from 'standardwebhooks'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { metricOf } from '../../../test/src/support/metrics.ts'
import type { Database } from '../database.ts'
import { Vault } from '../identity/vault.ts'
import { newId } from '../ids.ts'
import { Snapshots } from '../inbox/snapshots.ts'
import { tellEnd } from '../log/deleted-rooms.ts'
import { EventLog } from '../log/event-log.ts'
import { EventStream } from '../log/event-stream.ts'
import { LogWatch } from '../log/log-watch.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { Deliveries } from './deliveries.ts'
import { Endpoints } from './endpoints.ts'
import { WebhookStore } from './webhook-store.ts'
import { Webhooks } from './webhooks.ts'

const WAIT = { timeout: 60_000, interval: 20 }

let server: TestDatabase
let database: Database
let log: EventLog
let made = 0

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  await database.execute(sql`alter system set autovacuum = off`)
  await database.execute(sql`select pg_reload_conf()`)
  log = new EventLog(database)
}, 60_000)

/** Webhooks of a process of its own. */
const startWebhooks = async (options: { allowsPrivate?: boolean } = {}) => {
  const database = await server.open()
  const vault = new Vault('the secret of these tests')
  const store = new WebhookStore({ database, vault, holder: newId('whp') })
  const stream = new EventStream({ database, snapshots: new Snapshots(database) })
  const allowsPrivate = options.allowsPrivate ?? true
  const logger = createLogger({ name: 'webhooks-test', level: 'silent' })
  const watch = new LogWatch(log)
  const metrics = createMetrics()
  const endpoints = new Endpoints({ store, stream, watch, allowsPrivate, metrics, logger })
  endpoints.start()
  onTestFinished(async () => {
    await endpoints.close()
    watch.close()
    await database.$client.end()
  })
  return {
    endpoints,
    metrics,
    webhooks: new Webhooks({ database, vault, stream, store, endpoints, allowsPrivate }),
    deliveries: new Deliveries({ database, store, allowsPrivate }),
  }
}

type Received = { headers: Record<string, string>; body: string; event: OutgoingEvent }
type Answer = (received: Received, response: ServerResponse) => void

const take: Answer = (_, response) => void response.writeHead(204).end()

/** Somebody who is told of events. */
const startReceiver = async (answer: Answer = take) => {
  const received: Received[] = []
  const receiver = createServer((request, response) => {
    const take = (body: string) => {
      const one = { headers: request.headers as Record<string, string>, body, event: JSON.parse(body) }
      received.push(one)
      answer(one, response)
    }
    // Whoever sends may be gone before the end.
    text(request).then(take, () => response.destroy())
  })
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    receiver.closeAllConnections()
    receiver.close()
  })
  const { port } = receiver.address() as AddressInfo
  return { received, url: `http://127.0.0.1:${port}/hook` }
}

const room = async (metadata: Record<string, string> = {}): Promise<string> => {
  const id = `room-${++made}`
  await server.addRoom(id, ['ada'])
  await database.execute(sql`update rooms set metadata = ${JSON.stringify(metadata)}::json where id = ${id}`)
  return id
}
/** As whoever deletes a room does, as far as it is told. */
const remove = (roomId: string) =>
  log.transaction(roomId, async ({ executor }) => {
    await tellEnd(executor, roomId, 'ada')
    for (const table of ['events', 'messages']) {
      await executor.execute(sql.raw(`delete from ${table} where room_id = '${roomId}'`))
    }
    await executor.execute(sql`delete from rooms where id = ${roomId}`)
  })
const say = (roomId: string) =>
  log.append({
    roomId,
    type: 'message.created',
    sender: 'ada',
    data: { parts: [{ mime: 'text/plain', text: 'hello' }] },
  })
const seqsOf = (received: readonly Received[], roomId: string): number[] =>
  received.filter(({ event }) => event.data.roomId === roomId).map(({ event }) => event.data.seq)

/** A webhook, removed with the test. */
const hook = async (webhooks: Webhooks, post: WebhookPost) => {
  const created = await webhooks.create(post)
  onTestFinished(() => webhooks.remove(created.id).catch(() => undefined))
  return created
}

test('what happens is told in order, as the package of Standard Webhooks wants it', async () => {
  const { webhooks, deliveries } = await startWebhooks()
  const { received, url } = await startReceiver()
  const [one, two] = [await room(), await room()]
  await say(one)
  const { id, secret } = await hook(webhooks, { url })
  for (let n = 0; n < 20; n++) await Promise.all([say(one), say(two)])
  await vi.waitFor(() => expect(received).toHaveLength(40), WAIT)
  expect(seqsOf(received, one)).toEqual(Array.from({ length: 20 }, (_, n) => n + 2))
  expect(seqsOf(received, two)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
  for (const { headers, body, event } of received) {
    expect(new Verifier(secret).verify(body, headers)).toEqual(event)
    expect(OutgoingEvent.parse(event).id).toBe(headers['webhook-id'])
    expect(() => new Verifier(`whsec_${btoa('another')}`).verify(body, headers)).toThrow()
  }
  await vi.waitFor(async () => {
    const { data } = await deliveries.attempts(id, { limit: 100 })
    expect(data).toHaveLength(40)
    expect(data[0]).toMatchObject({ delivered: true, response: { status: 204 }, request: { url } })
  }, WAIT)
})

test('a room whose event is refused waits, the others go on; then it comes in order', async () => {
  const { webhooks, deliveries, metrics } = await startWebhooks()
  const [sick, well] = [await room(), await room()]
  let refuses = 3
  const { received, url } = await startReceiver(({ event }, response) => {
    const isRefused = event.data.roomId === sick && event.data.seq === 2 && refuses-- > 0
    response.writeHead(isRefused ? 500 : 200).end(isRefused ? 'not now' : '')
  })
  const { id } = await hook(webhooks, { url })
  for (let n = 0; n < 5; n++) await Promise.all([say(sick), say(well)])
  await vi.waitFor(() => expect(seqsOf(received, well)).toEqual([1, 2, 3, 4, 5]), WAIT)
  await vi.waitFor(() => expect(seqsOf(received, sick)).toEqual([1, 2, 2, 2, 2, 3, 4, 5]), WAIT)
  const ids = received.filter(({ event }) => event.data.roomId === sick && event.data.seq === 2)
  expect(new Set(ids.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  await vi.waitFor(async () => {
    const { data } = await deliveries.attempts(id, { limit: 100 })
    const failed = data.filter(({ delivered }) => !delivered)
    expect(failed).toHaveLength(3)
    expect(failed[0]).toMatchObject({
      response: { status: 500, body: 'not now' },
      problem: expect.stringContaining('500'),
    })
    expect((await webhooks.get(id)).waitingRooms).toBe(0)
  }, WAIT)
  const counted = await metrics.metrics()
  const read = (what: string) => metricOf(counted, `trunkline_webhook_${what}`)
  const attempts = ['taken', 'retried'].map(outcome => read(`attempts_total{outcome="${outcome}"}`))
  expect([...attempts, read('seconds_count'), read('under_way')]).toEqual([10, 3, 13, 0])
  const states = ['waiting_rooms', 'dead_letters', 'failing_seconds']
  expect(states.map(what => read(`${what}{webhook="${id}"}`))).toEqual([0, 0, 0])
})

test('one endpoint that is dead holds no other up, and gets everything once it lives', async () => {
  const { webhooks, metrics } = await startWebhooks()
  const rooms = await Promise.all(Array.from({ length: 15 }, () => room()))
  let isDead = true
  const dead = await startReceiver((_, response) => {
    if (isDead) response.destroy()
    else response.writeHead(200).end()
  })
  const well = await startReceiver()
  const { id } = await hook(webhooks, { url: dead.url, roomIds: rooms })
  await hook(webhooks, { url: well.url, roomIds: rooms })
  for (let n = 0; n < 3; n++) await Promise.all(rooms.map(roomId => say(roomId)))
  await vi.waitFor(() => expect(well.received).toHaveLength(45), WAIT)
  await vi.waitFor(async () => {
    expect((await webhooks.get(id)).failing).toMatchObject({ reason: expect.stringContaining('lost') })
    const failing = `trunkline_webhook_failing_seconds{webhook="${id}"}`
    expect(metricOf(await metrics.metrics(), failing)).toBeGreaterThan(0)
  }, WAIT)
  isDead = false
  dead.received.length = 0
  await vi.waitFor(() => {
    for (const roomId of rooms) expect(seqsOf(dead.received, roomId)).toEqual([1, 2, 3])
  }, WAIT)
  await vi.waitFor(async () => expect((await webhooks.get(id)).failing).toBeUndefined(), WAIT)
}, 120_000)

test('filters by type, family, room and metadata', async () => {
  const { webhooks } = await startWebhooks()
  const { received, url } = await startReceiver()
  const [ward, other] = [await room({ kind: 'ward' }), await room({ kind: 'office' })]
  await hook(webhooks, { url, types: ['message.*'], metadata: { kind: 'ward' } })
  await Promise.all([say(other), say(ward)])
  await log.append({ roomId: ward, type: 'room.archived', sender: 'ada', data: {} })
  await say(ward)
  await vi.waitFor(
    () => expect(received.map(({ event }) => event.type)).toEqual(['message.created', 'message.created']),
    WAIT,
  )
  expect(seqsOf(received, ward)).toEqual([1, 3])
})

test('paused it keeps everything; going on it tells it; replayed it tells it again under the same ids', async () => {
  const { webhooks } = await startWebhooks()
  const { received, url } = await startReceiver()
  const roomId = await room()
  const { id, cursor } = await hook(webhooks, { url, roomIds: [roomId] })
  await say(roomId)
  await vi.waitFor(() => expect(received).toHaveLength(1), WAIT)
  expect(await webhooks.update(id, { paused: true })).toMatchObject({ paused: true })
  await say(roomId)
  await say(roomId)
  await new Promise(resolve => setTimeout(resolve, 1_000))
  expect(received).toHaveLength(1)
  await webhooks.update(id, { paused: false })
  await vi.waitFor(() => expect(seqsOf(received, roomId)).toEqual([1, 2, 3]), WAIT)
  await webhooks.replay(id, { cursor })
  await vi.waitFor(() => expect(seqsOf(received, roomId)).toEqual([1, 2, 3, 1, 2, 3]), WAIT)
  const ids = received.map(({ headers }) => headers['webhook-id'])
  expect(ids.slice(0, 3)).toEqual(ids.slice(3))
})

test('a replay passes nothing over that was not told yet, wherever it is to begin', async () => {
  const { webhooks } = await startWebhooks()
  let isOpen = false
  const { received, url } = await startReceiver((_, response) => {
    response.statusCode = isOpen ? 200 : 500
    response.end()
  })
  const told = () =>
    new Set(received.filter(({ event }) => event.type === 'message.created').map(({ event }) => event.id))
  const [failing, silent, ending] = [await room(), await room(), await room()]
  const { id } = await hook(webhooks, { url, roomIds: [failing, silent, ending] })
  // It is tried, and not taken: the webhook says so, though it is one room alone.
  await say(failing)
  await vi.waitFor(async () => {
    const [only] = (await webhooks.list()).data.filter(one => one.id === id)
    expect(only).toMatchObject({ waitingRooms: 1, failing: { reason: expect.stringContaining('500') } })
  }, WAIT)
  // What waits is gone with its room, but for the end of that.
  await say(ending)
  await vi.waitFor(() => expect(seqsOf(received, ending)).toContain(1), WAIT)
  await remove(ending)
  await vi.waitFor(async () => expect((await webhooks.get(id)).waitingRooms).toBe(2), WAIT)
  // It is not even read.
  await webhooks.update(id, { paused: true })
  await say(silent)
  for (const since of [new Date().toISOString(), '9999-01-01T00:00:00.000Z'])
    await webhooks.replay(id, { since })
  isOpen = true
  received.splice(0)
  await webhooks.update(id, { paused: false })
  await vi.waitFor(() => expect(told().size).toBe(2), WAIT)
  await vi.waitFor(() => expect(received.map(({ event }) => event.type)).toContain('room.deleted'), WAIT)
})

test('what is changed while events are under way holds from then on', async () => {
  const { webhooks } = await startWebhooks()
  const slow = await startReceiver((_, response) => void setTimeout(() => response.end(), 400))
  const next = await startReceiver()
  const rooms = await Promise.all(Array.from({ length: 5 }, () => room()))
  const { id } = await hook(webhooks, { url: slow.url, roomIds: rooms })
  for (let n = 0; n < 4; n++) await Promise.all(rooms.map(say))
  await vi.waitFor(() => expect(slow.received.length).toBeGreaterThan(0), WAIT)
  // Whoever looks after them looks in between, too.
  const looks = [
    webhooks.create({ url: next.url, roomIds: ['nowhere'] }),
    webhooks.update(id, { url: next.url }),
  ]
  await Promise.all(looks)
  const before = slow.received.length
  const arrived = () => new Set([...slow.received, ...next.received].map(({ event }) => event.id)).size
  await vi.waitFor(() => expect(arrived()).toBe(20), WAIT)
  await Promise.all(rooms.map(say))
  await vi.waitFor(() => expect(arrived()).toBe(25), WAIT)
  expect(slow.received).toHaveLength(before)
})

test('while a secret is changed both are signed with', async () => {
  const { webhooks } = await startWebhooks()
  const { received, url } = await startReceiver()
  const roomId = await room()
  const { id, secret } = await hook(webhooks, { url, roomIds: [roomId] })
  const rotatedAt = Date.now()
  const { secret: next, previousSecretUntil } = await webhooks.rotateSecret(id)
  const overlap = Date.parse(previousSecretUntil) - rotatedAt
  expect(overlap).toBeGreaterThanOrEqual(LIMITS.webhookSecretOverlapMs)
  expect(overlap).toBeLessThan(LIMITS.webhookSecretOverlapMs + 60_000)
  await say(roomId)
  await vi.waitFor(() => expect(received).toHaveLength(1), WAIT)
  for (const known of [secret, next]) {
    const { body = '', headers = {} } = received[0] ?? {}
    expect(new Verifier(known).verify(body, headers)).toBeTruthy()
  }
  // A day later, by the clock of the database; what is changed makes it be read again.
  await database.execute(sql`update webhooks set previous_until = now() where id = ${id}`)
  await webhooks.update(id, { paused: false })
  await say(roomId)
  await vi.waitFor(() => expect(received).toHaveLength(2), WAIT)
  const { body = '', headers = {} } = received[1] ?? {}
  expect(new Verifier(next).verify(body, headers)).toBeTruthy()
  expect(() => new Verifier(secret).verify(body, headers)).toThrow()
})

test('the delivery log keeps the latest attempts, and of answers their beginning', async () => {
  const { webhooks, deliveries } = await startWebhooks()
  const { received, url } = await startReceiver((_, response) => {
    response.writeHead(200).end('x'.repeat(2 * LIMITS.webhookAnswerChars))
  })
  const roomId = await room()
  const { id } = await hook(webhooks, { url, roomIds: [roomId] })
  const all = 2 * LIMITS.webhookAttemptsKept
  for (let n = 0; n < all; n += 100) await Promise.all(Array.from({ length: 100 }, () => say(roomId)))
  await vi.waitFor(() => expect(received).toHaveLength(all), WAIT)
  await vi.waitFor(async () => {
    const { data } = await deliveries.attempts(id, { limit: 1 })
    expect(data[0]?.eventId).toBe(received.at(-1)?.event.id)
    expect(data[0]?.response?.body).toBe('x'.repeat(LIMITS.webhookAnswerChars))
    const { rows } = await database.execute(sql`select 1 from webhook_attempts where webhook_id = ${id}`)
    expect(rows.length).toBeGreaterThanOrEqual(LIMITS.webhookAttemptsKept)
    // It is made shorter now and then.
    expect(rows.length).toBeLessThan(1.5 * LIMITS.webhookAttemptsKept)
  }, WAIT)
}, 120_000)

test('an endpoint that does not answer is waited for so long, and told again', async () => {
  const { webhooks, deliveries } = await startWebhooks()
  let isSilent = true
  const { received, url } = await startReceiver((_, response) => {
    if (!isSilent) response.writeHead(200).end()
    isSilent = false
  })
  const roomId = await room()
  const { id } = await hook(webhooks, { url, roomIds: [roomId] })
  await say(roomId)
  await vi.waitFor(() => expect(seqsOf(received, roomId)).toEqual([1, 1]), WAIT)
  await vi.waitFor(async () => {
    const { data } = await deliveries.attempts(id, { limit: 2 })
    expect(data.map(({ delivered }) => delivered)).toEqual([true, false])
    expect(data[1]?.latencyMs).toBeGreaterThanOrEqual(LIMITS.webhookTimeoutMs - 50)
    expect(data[1]?.latencyMs).toBeLessThan(LIMITS.webhookTimeoutMs + 10_000)
  }, WAIT)
}, 120_000)

test('of two processes one tells; when it is gone the other goes on, and nothing is lost', async () => {
  const [first, second] = [await startWebhooks(), await startWebhooks()]
  const { received, url } = await startReceiver()
  const roomId = await room()
  await hook(first.webhooks, { url, roomIds: [roomId] })
  await say(roomId)
  await vi.waitFor(() => expect(received).toHaveLength(1), WAIT)
  await first.endpoints.close()
  await say(roomId)
  await vi.waitFor(() => expect(seqsOf(received, roomId)).toEqual([1, 2]), WAIT)
  await second.endpoints.close()
})

test('three days after the first attempt an event is a dead letter, and what comes after it is told', async () => {
  const { webhooks, deliveries } = await startWebhooks()
  let refuses = true
  const { received, url } = await startReceiver(({ event }, response) => {
    response.writeHead(refuses && event.data.seq === 1 ? 503 : 200).end()
  })
  const roomId = await room()
  const { id } = await hook(webhooks, { url, roomIds: [roomId] })
  await say(roomId)
  await vi.waitFor(async () => expect((await webhooks.get(id)).waitingRooms).toBe(1), WAIT)
  await webhooks.update(id, { paused: true })
  // As if three days had passed since.
  await database.execute(sql`update webhook_lanes set first_attempt_at = now() - interval '3 days', retry_at = now()
    where webhook_id = ${id}`)
  await webhooks.update(id, { paused: false })
  await say(roomId)
  await vi.waitFor(() => expect(seqsOf(received, roomId)).toContain(2), WAIT)
  await vi.waitFor(async () => {
    const { data } = await deliveries.deadLetters(id, { limit: 10 })
    expect(data).toMatchObject([
      { event: { data: { roomId, seq: 1 } }, problem: expect.stringContaining('503') },
    ])
  }, WAIT)
  expect(await deliveries.retryDeadLetters(id)).toEqual({ delivered: 0, left: 1 })
  refuses = false
  expect(await deliveries.retryDeadLetters(id)).toEqual({ delivered: 1, left: 0 })
})

test('what is given up is one dead letter, however often that could not be written down', async () => {
  const { webhooks } = await startWebhooks()
  const { received, url } = await startReceiver((_, response) => response.writeHead(503).end())
  const roomId = await room()
  const { id } = await hook(webhooks, { url, roomIds: [roomId] })
  await say(roomId)
  await vi.waitFor(async () => expect((await webhooks.get(id)).waitingRooms).toBe(1), WAIT)
  await webhooks.update(id, { paused: true })
  await database.execute(sql`update webhook_lanes set first_attempt_at = now() - interval '3 days', retry_at = now()
    where webhook_id = ${id}`)
  await database.execute(sql`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'no room is free now'; end $$`)
  await database.execute(
    sql`create trigger refuse before delete on webhook_lanes for each row execute function refuse()`,
  )
  const before = received.length
  await webhooks.update(id, { paused: false })
  // Each time it is begun anew from what is written down.
  await vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(before + 3), WAIT)
  expect((await webhooks.get(id)).deadLetters).toBe(0)
  await database.execute(sql`drop trigger refuse on webhook_lanes`)
  await vi.waitFor(async () => expect((await webhooks.get(id)).waitingRooms).toBe(0), WAIT)
  expect((await webhooks.get(id)).deadLetters).toBe(1)
})

test("nothing is sent into the operator's own network unless that is allowed", async () => {
  const { webhooks, deliveries } = await startWebhooks({ allowsPrivate: false })
  const { received } = await startReceiver()
  for (const host of [
    '127.0.0.1',
    '10.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    '0x7f000001',
    '2130706433',
  ]) {
    await expect(webhooks.create({ url: `http://${host}/` })).rejects.toMatchObject({ code: 'forbidden' })
  }
  // A name may lead there, and is found out when it is looked up.
  const { id } = await hook(webhooks, { url: 'http://localhost:1/' })
  expect(await deliveries.test(id)).toMatchObject({
    delivered: false,
    problem: expect.stringContaining('WEBHOOK_PRIVATE_TARGETS'),
  })
  expect(received).toEqual([])
})

test('a room made anew under the id of one that was deleted is told from its first event on', async () => {
  const { webhooks } = await startWebhooks()
  let isDeaf = false
  const { received, url } = await startReceiver((_, response) => {
    if (isDeaf) response.destroy()
    else response.writeHead(200).end()
  })
  const roomId = await room()
  await hook(webhooks, { url, roomIds: [roomId] })
  for (let n = 0; n < 3; n++) await say(roomId)
  await vi.waitFor(() => expect(seqsOf(received, roomId)).toEqual([1, 2, 3]), WAIT)
  // The fourth waits to be tried again, and its room ends meanwhile.
  isDeaf = true
  await say(roomId)
  await vi.waitFor(() => expect(seqsOf(received, roomId)).toContain(4), WAIT)
  await remove(roomId)
  await server.addRoom(roomId, ['ada'])
  for (let n = 0; n < 2; n++) await say(roomId)
  received.length = 0
  isDeaf = false
  await vi.waitFor(() => expect(seqsOf(received, roomId).slice(-3)).toEqual([5, 1, 2]), WAIT)
  expect(received.find(({ event }) => event.data.seq === 5)?.event).toMatchObject({
    type: 'room.deleted',
    data: { roomId, sender: 'ada', data: {} },
    room: { id: roomId },
  })
  const ids = received.slice(-3).map(({ event }) => event.id)
  expect(ids[1]).not.toBe(ids[0]?.replace('_5', '_1'))
})
