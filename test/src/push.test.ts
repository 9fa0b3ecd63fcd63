import { Device, LIMITS, type OperationInput, type OperationName, PushMessage } from '@trunkline/protocol'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { perform } from './support/operations.ts'
import { fcmFault, startApns, startFcm, startWebPushService } from './support/push-services.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'

const WAIT = { timeout: 60_000, interval: 50 }
const register = cleanUpAfterAll()
let server: TestServer
let apns: Awaited<ReturnType<typeof startApns>>
let fcm: Awaited<ReturnType<typeof startFcm>>
let web: Awaited<ReturnType<typeof startWebPushService>>
let vapidPublicKey = ''

const base64 = (text: string) => Buffer.from(text).toString('base64')

beforeAll(async () => {
  apns = await startApns(register)
  fcm = await startFcm(register)
  web = await startWebPushService(register, () => vapidPublicKey)
  server = await startServer({
    register,
    services: ['signalling'],
    env: {
      TRUNKLINE_SECRET: 'a-secret-for-pushes',
      VAPID_SUBJECT: 'mailto:operator@example.org',
      PUSH_PRIVATE_TARGETS: '1',
      APNS_URL: apns.key.url,
      APNS_KEY: base64(apns.key.key),
      APNS_KEY_ID: apns.key.keyId,
      APNS_TEAM_ID: apns.key.teamId,
      FCM_URL: fcm.url,
      FCM_ACCOUNT: base64(JSON.stringify(fcm.account)),
    },
  })
  const { body } = await ask('device:options', {})
  vapidPublicKey = body.vapidPublicKey
  expect(body.kinds).toEqual(['web', 'apns', 'fcm'])
})

const ask = <N extends OperationName>(name: N, data: OperationInput<N>, sender?: string) =>
  perform(server.url, name, data, sender === undefined ? {} : { sender })
const done = async <N extends OperationName>(name: N, data: OperationInput<N>, sender?: string) => {
  const { status, body } = await ask(name, data, sender)
  expect(status, `${name}: ${JSON.stringify(body)}`).toBeLessThan(300)
  return body
}
let made = 0
const makeRoom = async (members: string[], more: object = {}): Promise<string> => {
  const id = `ward-${++made}`
  await done('room:create', { id, kind: 'group', title: `Ward ${made}`, members, ...more }, members[0])
  return id
}
const say = async (roomId: string, sender: string, text: string, more: object = {}): Promise<number> => {
  const { status, body } = await rest(server.url, 'POST', `/v1/rooms/${roomId}/messages`, {
    body: { sender, text, ...more },
  })
  expect(status).toBe(201)
  return body.seq
}
const name = async (id: string, called: string) =>
  rest(server.url, 'PATCH', `/v1/users/${id}`, { body: { name: called } })
/** A browser of somebody's. */
const browser = (userId: string, more: object = {}): Promise<Device> =>
  done('device:register', { target: { kind: 'web', subscription: web.subscribe(userId) }, ...more }, userId)
const devicesOf = async (userId: string): Promise<Device[]> => (await done('device:list', {}, userId)).data
const firstOf = <T>([first]: readonly T[]): T => {
  if (first === undefined) throw new Error('there is none')
  return first
}
const phone = (n: number): string => String(n).padStart(64, 'a')
const APP = 'org.example.wards'
const words = (userId: string) => web.pushed(userId).map(({ message }) => message.body)
/** Who hears everything, so that by then everybody has heard it. */
const heardBy = (userId: string, text: string) =>
  vi.waitFor(() => expect(words(userId)).toContain(text), WAIT)

describe('devices', () => {
  test('are registered, listed and removed by whose they are, and never tell where they are reached', async () => {
    const made = await browser('ida', { name: 'Desk', locale: 'de-AT' })
    expect(Device.parse(made)).toMatchObject({ kind: 'web', name: 'Desk', locale: 'de-AT', content: 'full' })
    expect(JSON.stringify(await devicesOf('ida'))).not.toMatch(/127\.0\.0\.1|p256dh/)
    const again = await browser('ida', { content: 'ids' })
    expect(again.content).toBe('ids')
    const subscription = web.subscribe('shared')
    const target = { kind: 'web', subscription } as const
    const { id } = await done('device:register', { target }, 'ida')
    expect((await devicesOf('ida')).map(device => device.id)).toEqual([id, again.id])
    // Somebody else signs in there.
    expect((await done('device:register', { target }, 'joe')).id).toBe(id)
    expect((await devicesOf('ida')).map(device => device.id)).toEqual([again.id])
    await done('device:remove', { deviceId: id }, 'ida')
    expect(await devicesOf('joe')).toHaveLength(1)
    await done('device:remove', { deviceId: id }, 'joe')
    await done('device:remove', { deviceId: id }, 'joe')
    expect(await devicesOf('joe')).toEqual([])
  })

  test('of one user are so many: one more takes the place of the one not seen for the longest', async () => {
    const ids: string[] = []
    for (let n = 0; n <= LIMITS.devicesPerUser; n++) {
      ids.push((await done('device:register', { target: { kind: 'fcm', token: `many-${n}` } }, 'kay')).id)
    }
    expect((await devicesOf('kay')).map(({ id }) => id)).toEqual(ids.slice(1).reverse())
  })

  test('of kinds without a key, of others, and addresses of strangers are refused', async () => {
    const token = await mintToken(server.url, 'lea')
    const register = (target: unknown, options: object = { token }) =>
      rest(server.url, 'POST', '/v1/devices', { ...options, body: { target } })
    const mail = { kind: 'email', address: 'victim@example.org' }
    expect((await register(mail)).body.code).toBe('forbidden')
    const keyed = await rest(server.url, 'POST', '/v1/devices', { body: { target: mail, sender: 'lea' } })
    expect(keyed.body).toMatchObject({ code: 'conflict', detail: expect.stringContaining('email') })
    const topic = `${APP}\r\napns-priority: 5`
    for (const wrong of [
      { kind: 'apns', token: '../../3/device', topic: APP },
      { kind: 'apns', token: phone(1), topic },
      { kind: 'web', subscription: { endpoint: 'file:///etc/passwd', keys: { p256dh: 'a', auth: 'b' } } },
      { kind: 'fcm', token: 'two words' },
      { kind: 'pigeon', token: 'x' },
    ]) {
      expect((await register(wrong)).body.code, JSON.stringify(wrong)).toBe('invalid_request')
    }
    expect(await devicesOf('lea')).toEqual([])
  })

  test('go with their user', async () => {
    await browser('mia')
    const room = await makeRoom(['ned', 'mia', 'oda'])
    await browser('oda')
    await done('user:delete', { userId: 'mia', messages: 'remove' })
    await vi.waitFor(async () => expect(await devicesOf('mia')).toEqual([]), WAIT)
    await say(room, 'ned', 'Where is Mia?')
    await heardBy('oda', 'Where is Mia?')
    expect(web.pushed('mia')).toEqual([])
  })
})

describe('Web Push', () => {
  test('a message comes encrypted and signed, of each room the latest, with how much is unread', async () => {
    await name('ada', 'Ada')
    await browser('ben')
    const one = await makeRoom(['ada', 'ben'])
    const two = await makeRoom(['ada', 'ben'])
    const seq = await say(one, 'ada', 'Who has bed 14?')
    await heardBy('ben', 'Who has bed 14?')
    await say(two, 'ada', 'And who has bed 15?')
    await heardBy('ben', 'And who has bed 15?')
    await say(one, 'ada', 'Nobody?')
    await heardBy('ben', 'Nobody?')
    const pushed = web.pushed('ben')
    expect(PushMessage.parse(pushed[0]?.message)).toEqual({
      type: 'message.created',
      tag: `room:${one}`,
      roomId: one,
      seq,
      sender: 'ada',
      badge: 1,
      title: expect.stringMatching(/^Ada · Ward \d+$/),
      body: 'Who has bed 14?',
    })
    expect(pushed.map(({ message }) => message.badge)).toEqual([1, 2, 3])
    const topics = pushed.map(({ headers }) => headers.topic)
    expect(topics[0]).toMatch(/^[A-Za-z0-9_-]{32}$/)
    expect([topics[0] === topics[1], topics[0] === topics[2]]).toEqual([false, true])
    expect(pushed[0]?.headers).toMatchObject({ ttl: '86400', urgency: 'normal' })
    const [device] = await devicesOf('ben')
    await vi.waitFor(async () => expect((await devicesOf('ben'))[0]?.pushedAt).toBeDefined(), WAIT)
    expect(device?.kind).toBe('web')
  })

  test('with content ids nobody on the way learns who said what', async () => {
    await browser('cat', { content: 'ids' })
    const room = await makeRoom(['ada', 'cat'])
    const seq = await say(room, 'ada', 'The diagnosis')
    await vi.waitFor(() => expect(web.pushed('cat')).toHaveLength(1), WAIT)
    expect(web.pushed('cat')[0]?.message).toEqual({
      type: 'message.created',
      tag: `room:${room}`,
      roomId: room,
      seq,
      badge: 1,
    })
  })

  test('a service that has too much to do is asked again, and a browser that is gone no more', async () => {
    await browser('dan')
    const room = await makeRoom(['ada', 'dan'])
    web.refuse('dan', { status: 429, retryAfter: '1' }, { status: 500 }, { status: 410 })
    await say(room, 'ada', 'Are you there?')
    await vi.waitFor(() => expect(web.pushed('dan')).toHaveLength(3), WAIT)
    const [first, second] = web.pushed('dan')
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990)
    await vi.waitFor(async () => expect(await devicesOf('dan')).toEqual([]), WAIT)
  })

  test('of a subscription that leads nowhere, or with keys that are none, nothing stays', async () => {
    const { keys } = web.subscribe('eva')
    const wrong = { ...keys, p256dh: Buffer.alloc(65, 4).toString('base64url') }
    const subscription = { endpoint: web.subscribe('eva').endpoint, keys: wrong }
    await done('device:register', { target: { kind: 'web', subscription } }, 'eva')
    await say(await makeRoom(['ada', 'eva']), 'ada', 'Hello')
    await vi.waitFor(async () => expect(await devicesOf('eva')).toEqual([]), WAIT)
    expect(web.pushed('eva')).toEqual([])
  })
})

describe('APNs', () => {
  const iphone = (userId: string, token: string, purpose: 'alert' | 'voip' = 'alert') =>
    done('device:register', { target: { kind: 'apns', token, topic: APP, purpose } }, userId)

  test('a message comes over one connection, signed in by one token', async () => {
    await iphone('fay', phone(10))
    await iphone('gus', phone(11))
    const room = await makeRoom(['ada', 'fay', 'gus'])
    await say(room, 'ada', 'Ward round')
    const both = [phone(10), phone(11)]
    await vi.waitFor(() => expect(both.flatMap(apns.pushed)).toHaveLength(2), WAIT)
    const { headers, body } = firstOf(apns.pushed(phone(10)))
    expect(headers).toMatchObject({
      'apns-topic': APP,
      'apns-push-type': 'alert',
      'apns-priority': '10',
      'apns-collapse-id': expect.stringMatching(/^.{1,64}$/),
    })
    expect(Number(headers['apns-expiration'])).toBeGreaterThan(Date.now() / 1_000)
    expect(body).toMatchObject({
      aps: {
        alert: { title: expect.stringContaining('Ada'), body: 'Ward round' },
        badge: 1,
        sound: 'default',
      },
      trunkline: { type: 'message.created', roomId: room, sender: 'ada' },
    })
    expect([apns.seen.sessions, apns.tokens.size]).toEqual([1, 1])
  })

  test.each([
    ['410', { status: 410, body: { reason: 'Unregistered', timestamp: 1 } }],
    ['a bad token', { status: 400, body: { reason: 'BadDeviceToken' } }],
    ['a token of another app', { status: 400, body: { reason: 'DeviceTokenNotForTopic' } }],
  ])('a device that is gone (%s) is pushed to no more', async (what, refusal) => {
    const user = `gone-${what.replaceAll(' ', '-')}`
    const token = phone(20 + what.length)
    await iphone(user, token)
    apns.refuse(token, refusal)
    await say(await makeRoom(['ada', user]), 'ada', 'Hello')
    await vi.waitFor(async () => expect(await devicesOf(user)).toEqual([]), WAIT)
    expect(apns.pushed(token)).toHaveLength(1)
  })

  test('what Apple cannot take now, and a sign-in that ran out, are tried again', async () => {
    const token = phone(30)
    await iphone('hal', token)
    apns.refuse(
      token,
      { status: 403, body: { reason: 'ExpiredProviderToken' } },
      { status: 503, body: { reason: 'ServiceUnavailable' } },
    )
    await say(await makeRoom(['ada', 'hal']), 'ada', 'Hello')
    await vi.waitFor(() => expect(apns.pushed(token)).toHaveLength(3), WAIT)
    expect(await devicesOf('hal')).toHaveLength(1)
  })

  test('a call rings by VoIP at once, also where one is present, and stops when it is answered elsewhere', async () => {
    await iphone('ivy', phone(40))
    await iphone('ivy', phone(41), 'voip')
    await browser('ivy')
    const room = await makeRoom(['ada', 'ivy'])
    const socket = await connectSocket(server.url, 'ivy', register)
    const ring = await done('ring:start', { roomId: room, media: 'video' }, 'ada')
    await vi.waitFor(() => expect(apns.pushed(phone(41))).toHaveLength(1), WAIT)
    await vi.waitFor(() => expect(web.pushed('ivy')).toHaveLength(1), WAIT)
    const { headers, body } = firstOf(apns.pushed(phone(41)))
    expect(headers).toMatchObject({
      'apns-topic': `${APP}.voip`,
      'apns-push-type': 'voip',
      'apns-priority': '10',
    })
    expect(Number(headers['apns-expiration']) * 1_000).toBeLessThanOrEqual(Date.parse(ring.expiresAt) + 1_000)
    expect(body).toMatchObject({
      trunkline: { type: 'ring.started', ringId: ring.id, media: 'video', sender: 'ada', roomId: room },
    })
    expect(web.pushed('ivy')[0]).toMatchObject({
      headers: { urgency: 'high' },
      message: { type: 'ring.started', tag: `ring:${ring.id}`, body: 'Incoming call' },
    })
    await done('ring:accept', { ringId: ring.id }, 'ivy')
    await vi.waitFor(() => expect(apns.pushed(phone(41))).toHaveLength(2), WAIT)
    await vi.waitFor(() => expect(web.pushed('ivy')).toHaveLength(2), WAIT)
    expect(web.pushed('ivy')[1]?.message).toMatchObject({ type: 'ring.stopped', ringId: ring.id })
    expect(web.pushed('ivy')[1]?.message.title).toBeUndefined()
    // The token for calls has it; the other shows no second one.
    expect(apns.pushed(phone(40))).toEqual([])
    socket.close()
  })

  test('a call nobody took is told as missed', async () => {
    await iphone('jan', phone(50))
    const room = await makeRoom(['ada', 'jan'])
    const ring = await done('ring:start', { roomId: room, media: 'audio' }, 'ada')
    await vi.waitFor(() => expect(apns.pushed(phone(50))).toHaveLength(1), WAIT)
    await done('ring:cancel', { ringId: ring.id }, 'ada')
    await vi.waitFor(() => expect(apns.pushed(phone(50))).toHaveLength(2), WAIT)
    const [first, second] = apns.pushed(phone(50))
    expect(second?.headers['apns-collapse-id']).toBe(first?.headers['apns-collapse-id'])
    expect(second?.body).toMatchObject({
      aps: { alert: { body: 'Missed call' }, badge: 1 },
      trunkline: { type: 'ring.ended', ringId: ring.id },
    })
  })
})

describe('FCM', () => {
  const android = (userId: string) =>
    done('device:register', { target: { kind: 'fcm', token: `token-of-${userId}` } }, userId)

  test('a message comes, signed in once for many', async () => {
    await android('kim')
    const room = await makeRoom(['ada', 'kim'])
    for (const text of ['One', 'Two']) {
      await say(room, 'ada', text)
      await vi.waitFor(
        () => expect(fcm.pushed('token-of-kim').at(-1)?.message.notification.body).toBe(text),
        WAIT,
      )
    }
    const [first, second] = fcm.pushed('token-of-kim').map(({ message }) => message)
    expect(first).toMatchObject({
      data: { type: 'message.created', roomId: room, badge: '1', tag: `room:${room}` },
      android: { priority: 'HIGH', ttl: '86400s', notification: { notification_count: 1 } },
    })
    expect(second.android.notification.tag).toBe(first.android.notification.tag)
    expect(fcm.seen.signIns).toBe(1)
    // Google takes it back before its time.
    fcm.seen.good = 'another'
    await say(room, 'ada', 'Three')
    await vi.waitFor(() => expect(fcm.pushed('token-of-kim')).toHaveLength(3), WAIT)
    expect(fcm.seen.signIns).toBe(2)
  })

  test('too many at once and a service that is away are tried again, when Google says; who is unregistered is gone', async () => {
    await android('lou')
    const token = 'token-of-lou'
    fcm.refuse(
      token,
      fcmFault(429, 'QUOTA_EXCEEDED', '1'),
      fcmFault(503, 'UNAVAILABLE'),
      fcmFault(404, 'UNREGISTERED'),
    )
    await say(await makeRoom(['ada', 'lou']), 'ada', 'Hello')
    await vi.waitFor(async () => expect(await devicesOf('lou')).toEqual([]), WAIT)
    const [first, second, third, ...more] = fcm.pushed(token)
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990)
    expect([third !== undefined, more]).toEqual([true, []])
  })
})

describe('who is not told', () => {
  test('who wrote it, who muted the room, who wants mentions only, who blocked, who is not to be disturbed, who is present', async () => {
    const all = ['pam', 'quy', 'ron', 'sue', 'tom', 'una', 'vic']
    for (const userId of all) await browser(userId)
    const room = await makeRoom(all)
    await done('notification:level', { roomId: room, level: 'none' }, 'quy')
    await done('notification:level', { roomId: room, level: 'mentions' }, 'ron')
    await done('block:add', { userId: 'pam' }, 'sue')
    await done('presence:set', { status: 'dnd' }, 'tom')
    const socket = await connectSocket(server.url, 'una', register)
    await say(room, 'pam', 'To all')
    await heardBy('vic', 'To all')
    await say(room, 'pam', 'To Ron', { mentions: ['ron'] })
    await heardBy('ron', 'To Ron')
    await say(room, 'pam', 'Silently', { silent: true })
    await say(room, 'pam', 'The last')
    await heardBy('vic', 'The last')
    const told = Object.fromEntries(all.map(userId => [userId, new Set(words(userId))]))
    expect(told).toEqual({
      pam: new Set(),
      quy: new Set(),
      ron: new Set(['To Ron']),
      sue: new Set(),
      tom: new Set(),
      una: new Set(),
      vic: new Set(['To all', 'To Ron', 'The last']),
    })
    socket.close()
  })

  test('who was banned', async () => {
    for (const userId of ['wes', 'xia']) await browser(userId)
    const room = await makeRoom(['ada', 'wes', 'xia'])
    await done('member:ban', { roomId: room, userId: 'wes' }, 'ada')
    await say(room, 'ada', 'Without Wes')
    await heardBy('xia', 'Without Wes')
    expect(words('wes')).toEqual([])
  })

  test('of a channel, whom it does not speak to, unless everything is wanted', async () => {
    for (const userId of ['yan', 'zoe', 'abe']) await browser(userId)
    const room = await makeRoom(['ada', 'yan', 'zoe', 'abe'], { kind: 'channel', access: 'open' })
    await done('notification:level', { roomId: room, level: 'all' }, 'yan')
    await say(room, 'ada', 'To Zoe', { mentions: ['zoe'] })
    await heardBy('zoe', 'To Zoe')
    await heardBy('yan', 'To Zoe')
    expect(words('abe')).toEqual([])
  })

  test('that somebody is invited is told to the invited', async () => {
    await browser('bea')
    const room = await makeRoom(['ada'])
    await done('member:invite', { roomId: room, userIds: ['bea'] }, 'ada')
    await heardBy('bea', 'Ada invites you')
    expect(web.pushed('bea')[0]?.message.type).toBe('member.invited')
  })
})

describe('what one wants', () => {
  test('is said, and stays until it is said otherwise', async () => {
    const start = { quietHours: null, whenAway: false, digestMinutes: LIMITS.digestMinutesDefault }
    expect(await done('notification:get', {}, 'cal')).toEqual(start)
    const quietHours = { start: '22:00', end: '07:00', timeZone: 'Europe/Berlin', after: 'digest' } as const
    expect(await done('notification:set', { quietHours }, 'cal')).toEqual({ ...start, quietHours })
    expect(await done('notification:set', { whenAway: true }, 'cal')).toEqual({
      ...start,
      quietHours,
      whenAway: true,
    })
    expect(await done('notification:set', { quietHours: null }, 'cal')).toEqual({ ...start, whenAway: true })
    for (const wrong of [
      { ...quietHours, timeZone: 'Middle/Earth' },
      { ...quietHours, end: '22:00' },
      { ...quietHours, start: '24:00' },
    ]) {
      const { body } = await ask('notification:set', { quietHours: wrong }, 'cal')
      expect(body.code).toBe('invalid_request')
    }
    const rooms = [await makeRoom(['cal']), await makeRoom(['cal'])].sort()
    for (const roomId of rooms) await done('notification:level', { roomId, level: 'mentions' }, 'cal')
    const first = await done('notification:levels', { limit: 1 }, 'cal')
    expect(first.data).toEqual([{ roomId: rooms[0], level: 'mentions' }])
    const rest = await done('notification:levels', { cursor: first.nextCursor }, 'cal')
    expect(rest).toEqual({ data: [{ roomId: rooms[1], level: 'mentions' }] })
    await done('notification:level', { roomId: rooms[0] ?? '', level: null }, 'cal')
    expect((await done('notification:levels', {}, 'cal')).data).toHaveLength(1)
    const over = await ask(
      'notification:level',
      { roomId: rooms[1] ?? '', level: 'none', until: '2020-01-01T00:00:00Z' },
      'cal',
    )
    expect(over.body.code).toBe('invalid_request')
    const token = await mintToken(server.url, 'dee')
    const level = { roomId: rooms[0] ?? '', level: 'none' } as const
    const stranger = await perform(server.url, 'notification:level', level, { token })
    expect(stranger.body.code).toBe('room_not_found')
  })

  test('in quiet hours nothing comes', async () => {
    for (const userId of ['eli', 'flo']) await browser(userId)
    // Half of the day around now, wherever the clock stands.
    const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16)
    const quietHours = { start: at(-6), end: at(6), timeZone: 'UTC', after: 'hold' } as const
    await done('notification:set', { quietHours }, 'eli')
    const room = await makeRoom(['ada', 'eli', 'flo'])
    await say(room, 'ada', 'At night')
    await heardBy('flo', 'At night')
    expect(words('eli')).toEqual([])
  })
})

describe('templates', () => {
  const put = (body: object) => rest(server.url, 'PUT', '/v1/push/templates', { body })

  test('say it in the language of the device, as the operator wants it', async () => {
    const template = {
      type: 'message.created',
      locale: 'de',
      title: 'Neu von {{sender.name}}',
      body: '{{message.text}}',
    }
    expect((await put(template)).body).toEqual(template)
    expect((await rest(server.url, 'GET', '/v1/push/templates')).body.data).toEqual([template])
    await browser('gil', { locale: 'de-AT' })
    const room = await makeRoom(['ada', 'gil'])
    await say(room, 'ada', '{{room.title}} heute?')
    await heardBy('gil', '{{room.title}} heute?')
    expect(web.pushed('gil')[0]?.message.title).toBe('Neu von Ada')
    const path = '/v1/push/templates?type=message.created&locale=de'
    expect((await rest(server.url, 'DELETE', path)).status).toBe(200)
    expect((await rest(server.url, 'GET', '/v1/push/templates')).body.data).toEqual([])
  })

  test('are so many at most, and those there are can still be changed', async () => {
    const words = { type: 'digest', title: '{{unread}}', body: '' }
    await inDatabaseOf(server, async pool => {
      await pool.query(
        `insert into push_templates (type, locale, title, body)
         select 'digest', 'xx-' || n, 'a', '' from generate_series(1, $1) n`,
        [LIMITS.pushTemplates],
      )
      const one = await put({ ...words, locale: 'de' })
      const changed = await put({ ...words, locale: 'xx-1' })
      await pool.query("delete from push_templates where locale like 'xx-%'")
      expect([one.status, one.body.code]).toEqual([422, 'limit_reached'])
      expect(one.body.detail).toMatch(new RegExp(`${LIMITS.pushTemplates} templates; delete one`))
      expect([changed.status, changed.body.title]).toEqual([200, '{{unread}}'])
    })
  })

  test('are tried out before they are kept, and refused with what there is', async () => {
    const preview = (body: object) => rest(server.url, 'POST', '/v1/push/templates/preview', { body })
    const shown = await preview({
      type: 'ring.started',
      locale: 'de',
      title: '{{from}}',
      body: 'Anruf ({{media}})',
      values: { media: 'Ton' },
    })
    expect(shown.body).toEqual({ locale: 'de', title: 'Ada · Ward 7', body: 'Anruf (Ton)' })
    expect((await preview({ type: 'digest', locale: 'fr' })).body).toMatchObject({
      locale: 'en',
      title: '3 unread',
    })
    const wrong = await put({ type: 'digest', locale: 'de', title: '{{sender.name}}', body: '' })
    expect(wrong.body).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('{{unread}}, {{mentions}}'),
    })
    const token = await mintToken(server.url, 'ada')
    expect((await rest(server.url, 'GET', '/v1/push/templates', { token })).status).toBe(403)
  })
})

test('no secret is in the log', () => {
  const log = server.log()
  // Of these tests some devices were found gone.
  expect(log).toContain('a device is gone')
  expect(log).not.toMatch(/PRIVATE KEY|token-of-|p256dh|bearer/i)
  expect(log).not.toContain(phone(10))
})
