import { createLogger, createMetrics } from '@trunkline/kit'
import { LIMITS, type QuietHours } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { Webhook as Verifier } from 'standardwebhooks'
import { beforeAll, expect, test, vi } from 'vitest'
import { cleanUpAfterAll } from '../../../test/src/support/clean-ups.ts'
import { metricOf } from '../../../test/src/support/metrics.ts'
import { startProvider, startWebPushService } from '../../../test/src/support/push-services.ts'
import type { Database } from '../database.ts'
import { Vault } from '../identity/vault.ts'
import { Snapshots } from '../inbox/snapshots.ts'
import { EventLog } from '../log/event-log.ts'
import { EventStream } from '../log/event-stream.ts'
import { LogWatch } from '../log/log-watch.ts'
import type { Attendance } from '../presence/attendance.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { Push } from './push.ts'

const WAIT = { timeout: 60_000, interval: 25 }
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G'
const register = cleanUpAfterAll()
const there = new Map<string, Attendance>()
let server: TestDatabase
let database: Database
let log: EventLog
let push: Push
let web: Awaited<ReturnType<typeof startWebPushService>>
let provider: Awaited<ReturnType<typeof startProvider>>
const metrics = createMetrics()
let made = 0

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  log = new EventLog(database)
  web = await startWebPushService(register, () => push.options.vapidPublicKey)
  provider = await startProvider(register)
  const watch = new LogWatch(log)
  push = new Push({
    database,
    vault: new Vault('the secret of these tests'),
    stream: new EventStream({ database, snapshots: new Snapshots(database) }),
    watch,
    presence: { attendanceOf: userId => there.get(userId) ?? 'offline' },
    settings: {
      provider: { url: provider.url, secret: SECRET },
      idsOnly: false,
      privateTargets: true,
      whenAway: false,
    },
    metrics,
    logger: createLogger({ name: 'push-test', level: 'silent' }),
  })
  push.start()
  register(async () => {
    await push.close()
    watch.close()
  })
}, 60_000)

/** A room of `ada` and somebody of its own, who has a browser, and whoever else is named. */
const stage = async (...others: string[]) => {
  const id = `ward-${++made}`
  const user = `ben-${made}`
  await server.addRoom(id, ['ada', user, ...others])
  await database.execute(sql`
    insert into members (room_id, user_id, role)
    select ${id}, unnest(${sql.param(['ada', user, ...others])}::text[]), 'publisher'`)
  const subscription = web.subscribe(user)
  await push.devices.register(user, { target: { kind: 'web', subscription } })
  return { id, user }
}
const say = async (roomId: string, text: string): Promise<number> => {
  const data = { parts: [{ mime: 'text/plain' as const, text }] }
  return (await log.append({ roomId, type: 'message.created', sender: 'ada', data })).event.seq
}
const words = (user: string) => web.pushed(user).map(({ message }) => message.body)
/** What waits for somebody: types, and in how many seconds, about. */
const waiting = async (user: string) => {
  const { rows } = await database.execute<{ type: string; inSeconds: number }>(sql`
    select type, extract(epoch from due_at - now())::float8 as "inSeconds" from push_queue
    join push_devices on push_devices.id = device_id where user_id = ${user} order by n`)
  return rows
}
const waits = (user: string, count = 1) =>
  vi.waitFor(async () => expect(await waiting(user)).toHaveLength(count), WAIT)
/** What waits is due now, and happened a while ago. */
const comeTrue = (user: string) =>
  database.execute(sql`
    with due as (
      update push_queue set due_at = now() from push_devices
      where push_devices.id = device_id and user_id = ${user} returning room_id, push_queue.seq
    )
    update events set at = at - interval '1 hour' from due
    where events.room_id = due.room_id and events.seq = due.seq`)
/** A night that began an hour ago and lasts for half a day. */
const night = (after: QuietHours['after']): QuietHours => {
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16)
  return { start: at(-1), end: at(11), timeZone: 'UTC', after }
}

test('who is present is looked for again: told when the connection had died, left alone when not', async () => {
  const [gone, here] = [await stage(), await stage()]
  for (const { id, user } of [gone, here]) {
    there.set(user, 'online')
    await say(id, 'Are you there?')
    await waits(user)
    const [{ inSeconds } = { inSeconds: 0 }] = await waiting(user)
    expect(inSeconds).toBeGreaterThan(0)
    expect(inSeconds).toBeLessThanOrEqual(LIMITS.pushPresentMs / 1_000)
  }
  there.delete(gone.user)
  for (const { user } of [gone, here]) await comeTrue(user)
  await vi.waitFor(() => expect(words(gone.user)).toEqual(['Are you there?']), WAIT)
  await waits(here.user, 0)
  expect(words(here.user)).toEqual([])
})

test('what was read meanwhile is not told', async () => {
  const { id, user } = await stage()
  there.set(user, 'online')
  const seq = await say(id, 'Read me')
  await waits(user)
  there.delete(user)
  await database.execute(
    sql`update members set read_seq = ${seq} where room_id = ${id} and user_id = ${user}`,
  )
  await comeTrue(user)
  await waits(user, 0)
  expect(words(user)).toEqual([])
})

test('who wants to be told while away is, and others are not', async () => {
  const [wants, not] = [await stage(), await stage()]
  await push.preferences.set(wants.user, { whenAway: true })
  for (const { id, user } of [wants, not]) {
    there.set(user, 'away')
    await say(id, 'You look elsewhere')
  }
  await vi.waitFor(() => expect(words(wants.user)).toEqual(['You look elsewhere']), WAIT)
  await waits(not.user)
})

test('quiet hours hold what happens until their end: the latest of each room', async () => {
  const { id, user } = await stage()
  const other = `ward-${++made}`
  await server.addRoom(other)
  await database.execute(sql`
    insert into members (room_id, user_id, role) values (${other}, 'ada', 'owner'), (${other}, ${user}, 'member')`)
  await push.preferences.set(user, { quietHours: night('hold') })
  for (const text of ['One', 'Two', 'Three']) await say(id, text)
  await say(other, 'Elsewhere')
  await waits(user, 2)
  for (const { inSeconds } of await waiting(user)) expect(inSeconds).toBeGreaterThan(10 * 3_600)
  // Due, and still night.
  await comeTrue(user)
  await vi.waitFor(async () => {
    for (const { inSeconds } of await waiting(user)) expect(inSeconds).toBeGreaterThan(10 * 3_600)
  }, WAIT)
  expect(words(user)).toEqual([])
  await push.preferences.set(user, { quietHours: null })
  await comeTrue(user)
  await vi.waitFor(() => expect(words(user).toSorted()).toEqual(['Elsewhere', 'Three']), WAIT)
  expect(web.pushed(user)[0]?.message.badge).toBe(4)
})

test('or as one number, unless it was read by then', async () => {
  const [told, reader] = [await stage('ear'), await stage('ear')]
  await push.devices.register('ear', { target: { kind: 'web', subscription: web.subscribe('ear') } })
  for (const { id, user } of [told, reader]) {
    await push.preferences.set(user, { quietHours: night('digest') })
    for (const text of ['One', 'Two', 'Three']) await say(id, text)
    // Who hears everything has heard the last: nobody is told of these by themselves once the night is over.
    const isLast = ({ message }: { message: { roomId?: string | undefined; body?: string | undefined } }) =>
      message.roomId === id && message.body === 'Three'
    await vi.waitFor(() => expect(web.pushed('ear').some(isLast)).toBe(true), WAIT)
    await waits(user)
    expect(await waiting(user)).toMatchObject([{ type: 'digest' }])
    await push.preferences.set(user, { quietHours: null })
  }
  await database.execute(sql`update members set read_seq = 99 where user_id = ${reader.user}`)
  for (const { user } of [told, reader]) await comeTrue(user)
  await vi.waitFor(() => expect(web.pushed(told.user)).toHaveLength(1), WAIT)
  expect(web.pushed(told.user)[0]?.message).toMatchObject({ type: 'digest', title: '3 unread', badge: 3 })
  await waits(reader.user, 0)
  expect(web.pushed(reader.user)).toEqual([])
})

test('of a message that is deleted the one before it is told', async () => {
  const { id, user } = await stage()
  there.set(user, 'online')
  await say(id, 'This stays')
  const seq = await say(id, 'This goes')
  await waits(user)
  await log.append({ roomId: id, type: 'message.deleted', sender: 'ada', data: { messageSeq: seq } })
  there.delete(user)
  await comeTrue(user)
  await vi.waitFor(() => expect(words(user)).toEqual(['This stays']), WAIT)
  await waits(user, 0)
})

test('while a service is away, what waits is one push of a room, and the latest', async () => {
  const { id, user } = await stage()
  web.refuse(user, { status: 503, retryAfter: '3600' })
  await say(id, 'One')
  await vi.waitFor(() => expect(words(user)).toEqual(['One']), WAIT)
  await vi.waitFor(async () => {
    const [{ inSeconds } = { inSeconds: 0 }] = await waiting(user)
    expect(inSeconds).toBeGreaterThan(3_000)
  }, WAIT)
  await say(id, 'Two')
  const seq = await say(id, 'Three')
  const queued = () =>
    database.execute<{ seq: string }>(sql`
      select seq from push_queue join push_devices on push_devices.id = device_id where user_id = ${user}`)
  await vi.waitFor(async () => expect((await queued()).rows).toEqual([{ seq: String(seq) }]), WAIT)
  await comeTrue(user)
  await vi.waitFor(() => expect(words(user)).toEqual(['One', 'Three']), WAIT)
  await waits(user, 0)
})

test('what is not taken is tried again every ten minutes at most, and given up after a day', async () => {
  const { id, user } = await stage()
  web.refuse(user, { status: 503, retryAfter: '3600' }, { status: 503 }, { status: 503 })
  await say(id, 'One')
  await vi.waitFor(() => expect(words(user)).toEqual(['One']), WAIT)
  const attempts = async () => {
    const { rows } = await database.execute<{ attempts: number }>(sql`
      select attempts from push_queue join push_devices on push_devices.id = device_id where user_id = ${user}`)
    return rows[0]?.attempts
  }
  await vi.waitFor(async () => expect(await attempts()).toBe(1), WAIT)
  // As if it had been tried all the time since.
  const triedSince = (ms: number) =>
    database.execute(sql`
      update push_queue set attempts = 30, first_attempt_at = now() - make_interval(secs => ${ms / 1_000}), due_at = now()
      from push_devices where push_devices.id = device_id and user_id = ${user}`)
  await triedSince(LIMITS.pushGiveUpMs - 3_600_000)
  await vi.waitFor(async () => expect(await attempts()).toBe(31), WAIT)
  const [{ inSeconds } = { inSeconds: Number.NaN }] = await waiting(user)
  expect(inSeconds).toBeLessThanOrEqual(LIMITS.pushRetryMs / 1_000)
  expect(inSeconds).toBeGreaterThan(LIMITS.pushRetryMs / 1_000 / 3)
  await triedSince(LIMITS.pushGiveUpMs)
  await waits(user, 0)
  expect(
    metricOf(await metrics.metrics(), 'trunkline_push_attempts_total{kind="web",outcome="given_up"}'),
  ).toBe(1)
})

test('whose browsers never answer keep nobody else waiting', async () => {
  const [slow, other] = [await stage(), await stage()]
  const names = Array.from({ length: LIMITS.devicesPerUser - 1 }, (_, n) => `${slow.user}-${n}`)
  for (const name of names) {
    const subscription = web.subscribe(name)
    web.refuse(name, { status: 0 }, { status: 0 }, { status: 0 })
    await push.devices.register(slow.user, { target: { kind: 'web', subscription } })
  }
  const asked = () => names.filter(name => web.pushed(name).length > 0)
  await say(slow.id, 'One')
  await vi.waitFor(() => expect(asked().length).toBeGreaterThan(0), WAIT)
  await say(other.id, 'Two')
  await vi.waitFor(() => expect(words(other.user)).toEqual(['Two']), WAIT)
  expect(asked().length).toBeLessThan(names.length)
  await database.execute(sql`delete from push_devices where user_id = ${slow.user}`)
})

test('what a process was sending when it died is sent by another', async () => {
  const { id, user } = await stage()
  // It never hears an answer, as one that is not there any more.
  web.refuse(user, { status: 0 })
  await say(id, 'Hello')
  await vi.waitFor(() => expect(words(user)).toEqual(['Hello']), WAIT)
  await database.execute(sql`
    update push_queue set claimed_until = now() - interval '1 second' from push_devices
    where push_devices.id = device_id and user_id = ${user}`)
  await vi.waitFor(() => expect(words(user)).toEqual(['Hello', 'Hello']), WAIT)
  const [first, second] = web.pushed(user)
  expect(second?.headers.topic).toBe(first?.headers.topic)
  await waits(user, 0)
})

test('what is being sent stays with who sends it, for as long as that takes', async () => {
  const { id, user } = await stage()
  web.refuse(user, { status: 0 })
  const claimed = async () => {
    const { rows } = await database.execute<{ until: string | null }>(sql`
      select claimed_until as until from push_queue join push_devices on push_devices.id = device_id
      where user_id = ${user}`)
    return rows[0]?.until ? Date.parse(rows[0].until) : 0
  }
  await say(id, 'Hello')
  await vi.waitFor(() => expect(words(user)).toEqual(['Hello']), WAIT)
  const first = await claimed()
  expect(first).toBeGreaterThan(0)
  await vi.waitFor(async () => expect(await claimed()).toBeGreaterThan(first), WAIT)
  expect(words(user)).toEqual(['Hello'])
  await database.execute(sql`delete from push_devices where user_id = ${user}`)
})

test('what is sent, what came of it, and what waits is counted', async () => {
  const read = async (name: string) => metricOf(await metrics.metrics(), `trunkline_push_${name}`) ?? 0
  const fates = () =>
    Promise.all(
      ['sent', 'retried', 'refused', 'gone', 'needless'].map(outcome =>
        read(`attempts_total{kind="web",outcome="${outcome}"}`),
      ),
    )
  const before = await fates()
  const answers = await read('seconds_count{kind="web"}')
  const { id, user } = await stage()
  web.refuse(user, { status: 503, retryAfter: '3600' }, { status: 400 }, { status: 410 })
  await say(id, 'Retried')
  await vi.waitFor(async () => {
    const [{ inSeconds } = { inSeconds: 0 }] = await waiting(user)
    // For an hour, as the service asked.
    expect(inSeconds).toBeGreaterThan(3_000)
  }, WAIT)
  expect(await read('queue{kind="web",state="waiting"}')).toBeGreaterThanOrEqual(1)
  const seq = await say(id, 'Refused')
  await vi.waitFor(async () => {
    const { rows } = await database.execute(sql`
      select push_queue.seq from push_queue join push_devices on push_devices.id = device_id where user_id = ${user}`)
    expect(rows).toEqual([{ seq: String(seq) }])
  }, WAIT)
  await comeTrue(user)
  await vi.waitFor(() => expect(words(user)).toContain('Refused'), WAIT)
  await waits(user, 0)
  await say(id, 'Gone')
  await vi.waitFor(() => expect(words(user)).toContain('Gone'), WAIT)
  await waits(user, 0)
  const other = await stage()
  there.set(other.user, 'online')
  await say(other.id, 'You are there')
  await waits(other.user)
  await comeTrue(other.user)
  await vi.waitFor(async () => {
    const more = (await fates()).map((count, n) => count - (before[n] ?? 0))
    // Of tests before there may be something that comes now.
    for (const count of more.slice(1)) expect(count).toBeGreaterThanOrEqual(1)
  }, WAIT)
  expect(await read('seconds_count{kind="web"}')).toBeGreaterThanOrEqual(answers + 3)
  expect(await metrics.metrics()).toContain('trunkline_push_overdue_seconds{kind="sms"} 0')
})

test('e-mail and SMS wait, and tell in one go how much there is to read', async () => {
  const { id } = await stage('cat')
  for (const target of [
    { kind: 'email', address: 'cat@example.org' },
    { kind: 'sms', address: '+4930123456' },
  ] as const) {
    await push.devices.register('cat', { target })
  }
  for (const text of ['One', 'Two']) await say(id, text)
  await waits('cat', 2)
  for (const { type, inSeconds } of await waiting('cat')) {
    expect(type).toBe('digest')
    expect(inSeconds).toBeGreaterThan(3_000)
  }
  await comeTrue('cat')
  await vi.waitFor(() => expect(provider.provided).toHaveLength(2), WAIT)
  const told = provider.provided.map(({ headers, body }) => new Verifier(SECRET).verify(body, headers))
  const message = expect.objectContaining({ type: 'digest', title: '2 unread', badge: 2 })
  expect(told).toEqual(
    expect.arrayContaining([
      { kind: 'email', address: 'cat@example.org', message },
      { kind: 'sms', address: '+4930123456', message },
    ]),
  )
})
