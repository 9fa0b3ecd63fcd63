import { LIMITS } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startDatabase } from './support/database.ts'
import { rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let stage: Stage
let roomId: string

beforeAll(async () => {
  const { url } = await startDatabase(register)
  stage = await setStage(register, ['ann', 'bob'], { env: { DATABASE_URL: url } })
  roomId = await stage.room('ann', { members: ['bob'] })
})

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()

const sentAs = async (room: string, clientId: string) => {
  const { data } = await stage.overRest('ann', 'message:list', { roomId: room, limit: 200 })
  return data.filter(message => message.clientId === clientId)
}

describe.each(['overRest', 'overSocket'] as const)('a scheduled message %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('waits, is listed, and is sent at its time', async () => {
    await stage.socket('bob').request('room:open', { roomId })
    const replyTo = await stage.say('bob', roomId, 'Remind me')
    const sendAt = inMs(1_500)
    const message = { roomId, sendAt, text: 'Reminder', mentions: ['bob'], replyTo, silent: true }
    const waiting = await ask('ann', 'message:schedule', message)
    expect(waiting).toEqual({
      id: waiting.id,
      roomId,
      sender: 'ann',
      sendAt,
      parts: [{ mime: 'text/plain', text: 'Reminder' }],
      mentions: ['bob'],
      replyTo,
      silent: true,
    })
    expect((await ask('ann', 'message:scheduled', { roomId })).data).toEqual([waiting])
    expect((await ask('bob', 'message:scheduled', { roomId })).data).toEqual([])
    const { event } = await stage
      .socket('bob')
      .hear('event:appended', heard => heard.event.clientId === waiting.id)
    expect(event).toMatchObject({ sender: 'ann', data: { mentions: ['bob'], replyTo, silent: true } })
    const late = Date.parse(event.at) - Date.parse(sendAt)
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThan(5_000)
    expect((await ask('ann', 'message:scheduled', { roomId })).data).toEqual([])
    const unschedule = ask('ann', 'message:unschedule', { roomId, scheduleId: waiting.id })
    expect(await refusalOf(unschedule)).toBe('not_found')
  })

  it('is kept once by its clientId, also after it was sent', async () => {
    const once = { roomId, sendAt: inMs(1_500), text: 'Once', clientId: `once-${transport}` }
    const first = await ask('ann', 'message:schedule', once)
    const other = ask('ann', 'message:schedule', { ...once, text: 'Something else' })
    expect(await refusalOf(other)).toBe('conflict')
    const sent = await until('it is sent', async () => (await sentAs(roomId, first.id))[0])
    for (const sendAt of [once.sendAt, inMs(10_000)]) {
      expect((await ask('ann', 'message:schedule', { ...once, sendAt })).id).toBe(first.id)
    }
    expect((await ask('ann', 'message:scheduled', { roomId })).data).toEqual([])
    expect(await sentAs(roomId, first.id)).toEqual([sent])
  })

  it('can be taken back, by its sender', async () => {
    const { id: scheduleId } = await ask('ann', 'message:schedule', {
      roomId,
      sendAt: inMs(60_000),
      text: 'x',
    })
    expect(await refusalOf(ask('bob', 'message:unschedule', { roomId, scheduleId }))).toBe('not_found')
    await ask('ann', 'message:unschedule', { roomId, scheduleId })
    expect((await ask('ann', 'message:scheduled', { roomId })).data).toEqual([])
  })

  it('says why it was not sent, when its sender may not write any more', async () => {
    const room = await stage.room('ann', { members: ['bob'] })
    const { id } = await ask('bob', 'message:schedule', {
      roomId: room,
      sendAt: inMs(2_000),
      text: 'Too late',
    })
    await stage.overRest('ann', 'member:update', { roomId: room, userId: 'bob', role: 'member' })
    const failed = await until('it has failed', async () => {
      const { data } = await ask('bob', 'message:scheduled', { roomId: room })
      return data.find(message => message.failed !== undefined)
    })
    expect([failed.id, failed.failed]).toEqual([id, expect.stringContaining('publisher')])
    await ask('bob', 'message:unschedule', { roomId: room, scheduleId: id })
    const replyTo = await stage.say('ann', room, 'Gone by then')
    const reply = { roomId: room, sendAt: inMs(2_000), text: 'Answer', replyTo }
    await ask('ann', 'message:schedule', reply)
    await ask('ann', 'message:delete', { roomId: room, seq: replyTo })
    await until('the answer has failed', async () => {
      const { data } = await ask('ann', 'message:scheduled', { roomId: room })
      return data[0]?.failed?.includes('was deleted')
    })
    const { data } = await stage.overRest('ann', 'message:list', { roomId: room })
    expect(data.filter(message => message.deletedAt === undefined)).toEqual([])
  })

  it('needs a time to come, and a room to write in', async () => {
    const schedule = (sendAt: string, more: object = {}) =>
      refusalOf(ask('ann', 'message:schedule', { roomId, sendAt, text: 'x', ...more }))
    expect(await schedule(inMs(-1_000))).toBe('invalid_request')
    expect(await schedule(inMs((LIMITS.scheduleSecondsMax + 60) * 1_000))).toBe('invalid_request')
    expect(await schedule(inMs(60_000), { replyTo: 99_999 })).toBe('invalid_request')
    expect(await schedule(inMs(60_000), { roomId: 'elsewhere' })).toBe('room_not_found')
  })
})

it('those that wait are limited, also when they come at once', async () => {
  const room = await stage.room('ann', {})
  const schedule = (i: number) =>
    stage.asServer('message:schedule', { roomId: room, sendAt: inMs(3_600_000), text: `${i}` }, 'carl')
  const asked = Array.from({ length: LIMITS.scheduledPerUser + 10 }, (_, i) => refusalOf(schedule(i)))
  const refused = (await Promise.all(asked)).filter(code => code !== 'nothing was refused')
  expect(refused).toEqual(Array.from({ length: 10 }, () => 'limit_reached'))
  const { data, nextCursor } = await stage.asServer('message:scheduled', { roomId: room }, 'carl')
  const rest = await stage.asServer('message:scheduled', { roomId: room, cursor: nextCursor ?? '' }, 'carl')
  expect(new Set([...data, ...rest.data].map(({ id }) => id)).size).toBe(LIMITS.scheduledPerUser)
})

it("a retried POST keeps it once, and an app's server schedules for its users", async () => {
  const path = `/v1/rooms/${roomId}/scheduled-messages`
  const options = {
    body: { sender: 'dora', sendAt: inMs(800), text: 'From the server' },
    headers: { 'Idempotency-Key': 'scheduled-1' },
  }
  const first = await rest(stage.url(), 'POST', path, options)
  expect(first.status).toBe(201)
  expect((await rest(stage.url(), 'POST', path, options)).body).toEqual(first.body)
  // Who is no member may be spoken for by the app's server: then, too, when the time has come.
  const sent = await until('it is sent', async () => (await sentAs(roomId, first.body.id))[0])
  expect(sent.sender).toBe('dora')
})

it('outlives the server being killed', async () => {
  const room = await stage.room('ann', { members: ['bob'] })
  const scheduled = []
  for (let i = 0; i < 10; i++) {
    scheduled.push(
      await stage.overRest('ann', 'message:schedule', {
        roomId: room,
        sendAt: inMs(5_000 + i),
        text: `${i}`,
      }),
    )
  }
  await stage.restart('SIGKILL')
  const texts = async () => {
    const { data } = await stage.overRest('ann', 'message:list', { roomId: room })
    return data.map(message => message.text)
  }
  await until('all are sent', async () => (await texts()).length >= 10, 30_000)
  expect(await texts()).toEqual(scheduled.map((_, i) => `${i}`))
})

it('is sent once by two nodes that both look', async () => {
  const room = await stage.room('ann', { members: ['bob'] })
  const { TRUNKLINE_SECRET, DATABASE_URL } = stage.server().env as Record<string, string>
  const env = { TRUNKLINE_SECRET, DATABASE_URL } as Record<string, string>
  await startServer({ services: ['signalling'], env, register })
  const sendAt = inMs(6_000)
  const texts = Array.from({ length: 40 }, (_, i) => `${i}`)
  await Promise.all(
    texts.map(text => stage.asServer('message:schedule', { roomId: room, sendAt, text }, 'ann')),
  )
  const sent = async () => {
    const { data } = await stage.overRest('ann', 'message:list', { roomId: room, limit: 200 })
    return data.map(message => message.text)
  }
  await until('all are sent', async () => (await sent()).length >= texts.length, 30_000)
  // In the order of their times, which these share.
  expect((await sent()).sort()).toEqual(texts.sort())
  const { data } = await stage.overRest('ann', 'message:scheduled', { roomId: room })
  expect(data).toEqual([])
})
