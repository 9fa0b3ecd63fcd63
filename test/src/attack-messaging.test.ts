import { LIMITS } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { doneOf } from './support/jobs.ts'
import { mintToken, rest } from './support/rest.ts'
import { connectSocket } from './support/socket.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
beforeAll(async () => {
  stage = await setStage(register, ['ada', 'bob', 'eve', 'mod'], { services: ['signalling', 'media'] })
})

const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString()

describe('cursors that somebody made up', () => {
  const cursor = (...fields: unknown[]): string => Buffer.from(JSON.stringify(fields)).toString('base64url')
  const TIMES = [
    '0000-01-01T00:00:00Z',
    '+275760-09-13T00:00:00.000Z',
    '9999-12-31T23:59:59Z',
    '2026-01-01',
    7,
  ]
  const NUMBERS = [-1, 0.5, 2 ** 31, Number.MAX_SAFE_INTEGER, 1e308, '1']
  const TEXTS = ['', '\0', '\ud800', "'; drop table rooms"]
  const pairs = (as: readonly unknown[], bs: readonly unknown[]) => as.flatMap(a => bs.map(b => [a, b]))

  it('are refused, or lead to nothing: never to an error of the database', async () => {
    const roomId = await stage.room('ada', { members: ['bob'] })
    const seq = await stage.say('ada', roomId, 'hello')
    const { cursor: synced } = await stage.overSocket('ada', 'sync:get', {})
    const [identity] = JSON.parse(Buffer.from(synced, 'base64url').toString())
    const asked: [Parameters<Stage['overSocket']>[1], object, unknown[][]][] = [
      ['member:list', { roomId }, pairs(TIMES, TEXTS)],
      ['ban:list', { roomId }, pairs(TIMES, TEXTS)],
      ['message:scheduled', { roomId }, pairs(TIMES, TEXTS)],
      ['message:pins', { roomId }, pairs(TIMES, NUMBERS)],
      ['message:list', { roomId }, NUMBERS.map(n => [n])],
      ['message:history', { roomId, seq }, NUMBERS.map(n => [n])],
      ['node:history', { roomId, node: 'status' }, NUMBERS.map(n => [n])],
      ['channel:list', {}, pairs(NUMBERS, TEXTS)],
      ['inbox:list', {}, pairs(TIMES, TEXTS)],
      ['feed:list', {}, pairs(TIMES, TEXTS).map(pair => [...pair, seq])],
      ['search:find', { query: 'hello' }, pairs(NUMBERS, TEXTS).map(([n, text]) => [n, 1, text])],
      ['search:find', { query: 'hello' }, pairs(NUMBERS, TEXTS).map(([n, text]) => [1, n, text])],
      ['block:list', {}, TEXTS.map(text => [text])],
      ['sync:get', {}, pairs(TEXTS, ['1', '9'.repeat(20), '']).map(pair => [identity, pair[1], '', pair[0]])],
    ]
    for (const [name, data, cursors] of asked) {
      for (const fields of cursors) {
        const given = { ...data, cursor: cursor(...fields) }
        const refusal = await refusalOf(stage.overSocket('ada', name, given as never))
        expect([name, fields, refusal]).not.toContain('internal')
      }
    }
  })

  it('and so are times of before the calendar', async () => {
    for (const when of ['after', 'before']) {
      const found = stage.overSocket('ada', 'search:find', { query: 'hello', [when]: '0000-01-01T00:00:00Z' })
      expect(await refusalOf(found)).not.toBe('internal')
    }
  })
})

describe('a clientId that was used for something else', () => {
  it('deletes nothing, and says so', async () => {
    const roomId = await stage.room('ada', { members: ['bob'] })
    const seq = await stage.say('ada', roomId, 'one', { clientId: 'one' })
    const other = await stage.say('ada', roomId, 'two', { clientId: 'two' })
    expect(await refusalOf(stage.overSocket('ada', 'message:delete', { roomId, seq, clientId: 'two' }))).toBe(
      'conflict',
    )
    const gone = { roomId, seq, clientId: 'gone' }
    const { event } = await stage.overSocket('ada', 'message:delete', gone)
    expect(await stage.overSocket('ada', 'message:delete', gone)).toEqual({ event })
    expect(await refusalOf(stage.overSocket('ada', 'message:delete', { ...gone, seq: other }))).toBe(
      'conflict',
    )
    expect(await stage.overSocket('ada', 'message:get', { roomId, seq: other })).toMatchObject({
      text: 'two',
    })
  })

  it('forwards no other message in its place', async () => {
    const roomId = await stage.room('ada', {})
    const toRoomId = await stage.room('ada', {})
    const seqs = [await stage.say('ada', roomId, 'one'), await stage.say('ada', roomId, 'two')]
    const [first, second] = seqs.map(seq => ({ roomId, seq: seq ?? 0, toRoomId, clientId: 'forward' }))
    if (!first || !second) throw new Error('two were said')
    const { event } = await stage.overSocket('ada', 'message:forward', first)
    expect(await stage.overSocket('ada', 'message:forward', first)).toEqual({ event })
    expect(await refusalOf(stage.overSocket('ada', 'message:forward', second))).toBe('conflict')
  })

  it('schedules nothing, when it is the id of a message that was scheduled without one', async () => {
    const roomId = await stage.room('ada', {})
    const later = { roomId, sendAt: inAnHour(), text: 'later' }
    const { id } = await stage.overSocket('ada', 'message:schedule', later)
    expect(await refusalOf(stage.overSocket('ada', 'message:schedule', { ...later, clientId: id }))).toBe(
      'conflict',
    )
  })
})

describe('who was in a room and is banned', () => {
  it('reads nothing of it by trying again to create it', async () => {
    const post = { kind: 'group', title: 'before', members: ['mod'] }
    const create = () =>
      rest(stage.url(), 'POST', '/v1/rooms', {
        token: stage.token('ada'),
        body: post,
        headers: { 'idempotency-key': 'created-and-banned' },
      })
    const { body: room } = await create()
    expect((await create()).body.id).toBe(room.id)
    await stage.asServer('member:update', { roomId: room.id, userId: 'mod', role: 'owner' })
    await stage.asServer('member:ban', { roomId: room.id, userId: 'ada' })
    await stage.overRest('mod', 'room:update', { roomId: room.id, title: 'after' })
    const again = await create()
    expect(again).toMatchObject({ status: 404, body: { code: 'room_not_found' } })
    expect(JSON.stringify(again.body)).not.toContain('after')
  })

  it('does not get the export it asked for before', async () => {
    const roomId = await stage.room('ada', { members: ['mod'] })
    await stage.asServer('member:update', { roomId, userId: 'mod', role: 'owner' })
    const { id } = await stage.overRest('ada', 'export:create', { roomId })
    await doneOf(stage.url(), id)
    const fetched = async () =>
      (await rest(stage.url(), 'GET', `/v1/exports/${id}/content`, { token: stage.token('ada') })).status
    expect(await fetched()).toBe(200)
    await stage.asServer('member:update', { roomId, userId: 'ada', role: 'publisher' })
    expect(await fetched()).toBe(403)
    await stage.asServer('member:ban', { roomId, userId: 'ada' })
    expect(await fetched()).toBe(404)
    await stage.asServer('room:delete', { roomId })
    // Whoever else has it by then: the room is gone, and what was exported when it was ada's is all there is.
    expect(await fetched()).toBe(200)
  })

  it('hears no more of it at once, however much its other sockets ask for', { timeout: 60_000 }, async () => {
    const roomId = await stage.room('ada', { members: ['eve'] })
    const sockets = await Promise.all(
      Array.from({ length: 10 }, () => connectSocket(stage.url(), 'eve', register, stage.token('eve'))),
    )
    for (const socket of sockets) await socket.request('room:open', { roomId })
    await Promise.all(sockets.map(socket => socket.request('inbox:watch', {})))
    const asked = sockets.flatMap(socket =>
      Array.from({ length: 300 }, () => socket.request('inbox:watch', {}).catch(() => undefined)),
    )
    await stage.asServer('member:ban', { roomId, userId: 'eve' })
    const at = performance.now()
    const said: string[] = []
    while (performance.now() - at < 3_000) {
      const text = `said after ${Math.round(performance.now() - at)} ms`
      if (performance.now() - at > 1_000) said.push(text)
      await stage.say('ada', roomId, text)
    }
    await Promise.all(asked)
    const heard = sockets.flatMap(socket => socket.heard('event:appended').map(({ event }) => event))
    expect(heard.filter(event => said.some(text => JSON.stringify(event.data).includes(text)))).toEqual([])
    for (const socket of sockets) await socket.hear('room:closed', ({ reason }) => reason === 'banned')
    for (const socket of sockets) socket.close()
  })
})

it('members do not tell a ban from a kick', async () => {
  const roomId = await stage.room('ada', { members: ['bob', 'mod'] })
  for (const name of ['member:ban', 'member:kick'] as const) {
    await stage.asServer('member:add', { roomId, userIds: ['eve'] })
    await stage.overRest('ada', name, { roomId, userId: 'eve' })
    if (name === 'member:ban') await stage.overRest('ada', 'member:unban', { roomId, userId: 'eve' })
  }
  const { events } = await stage.socket('bob').request('room:sync', { roomId })
  const [ban, kick] = events.filter(({ type }) => type === 'member.removed')
  expect({ ...ban, seq: 0, at: '' }).toEqual({ ...kick, seq: 0, at: '' })
})

describe('whoever has a token that grants a room', () => {
  const roleOf = async (roomId: string, token: string): Promise<string> => {
    const { body } = await rest(stage.url(), 'GET', `/v1/rooms/${roomId}`, { token })
    return body.me?.role ?? body.code
  }
  /** Tokens tell when they were made in seconds. */
  const aSecondLater = async (): Promise<void> => {
    const second = Math.floor(Date.now() / 1000)
    await expect.poll(() => Math.floor(Date.now() / 1000), { timeout: 5_000 }).toBeGreaterThan(second)
  }

  it('does not come back with it once sent away, but with a new one', async () => {
    const roomId = await stage.room('ada', {})
    const grant = { rooms: [{ roomId, role: 'moderator' }] }
    const token = await mintToken(stage.url(), 'granted', grant)
    expect(await roleOf(roomId, token)).toBe('moderator')
    await aSecondLater()
    await stage.overRest('ada', 'member:kick', { roomId, userId: 'granted' })
    expect(await roleOf(roomId, token)).toBe('room_not_found')
    const said = await rest(stage.url(), 'POST', `/v1/rooms/${roomId}/messages`, {
      token,
      body: { text: 'x' },
    })
    expect(said.body.code).toBe('room_not_found')
    expect(await roleOf(roomId, await mintToken(stage.url(), 'granted', grant))).toBe('moderator')
    expect(await roleOf(roomId, token)).toBe('moderator')
    await stage.overRest('ada', 'member:ban', { roomId, userId: 'granted' })
    await stage.overRest('ada', 'member:unban', { roomId, userId: 'granted' })
    expect(await roleOf(roomId, token)).toBe('room_not_found')
  })

  it('comes back with it after leaving', async () => {
    const roomId = await stage.room('ada', {})
    const token = await mintToken(stage.url(), 'leaver', { rooms: [{ roomId, role: 'publisher' }] })
    expect(await roleOf(roomId, token)).toBe('publisher')
    await aSecondLater()
    await rest(stage.url(), 'POST', `/v1/rooms/${roomId}/leave`, { token, body: {} })
    expect(await roleOf(roomId, token)).toBe('publisher')
  })
})

describe('who was banned from a room without ever having been in it', () => {
  it('learns neither its title nor that there is such a room', async () => {
    const roomId = await stage.room('mod', { title: 'nobody else knows' })
    await stage.overRest('mod', 'member:ban', { roomId, userId: 'eve' })
    const { id } = await stage.overRest('eve', 'export:create', { userId: 'eve' })
    await doneOf(stage.url(), id)
    const { body } = await rest(stage.url(), 'GET', `/v1/exports/${id}/content`, {
      token: stage.token('eve'),
    })
    expect(body).toContain('"profile"')
    expect(body).not.toContain(roomId)
    expect(await refusalOf(stage.overRest('eve', 'room:follow', { roomId }))).toBe('room_not_found')
    expect(await refusalOf(stage.overRest('eve', 'room:leave', { roomId }))).toBe('room_not_found')
    expect(await stage.overRest('eve', 'sync:get', {})).toMatchObject({ left: [] })
  })
})

it('whoever leaves and comes back hears the room again', async () => {
  const { id: roomId } = await stage.overRest('mod', 'room:create', { kind: 'channel', title: 'open' })
  const bob = await connectSocket(stage.url(), 'bob', register)
  for (let n = 0; n < 20; n++) {
    await bob.request('room:follow', { roomId })
    await bob.request('room:open', { roomId })
    await stage.say('mod', roomId, `round ${n}`)
    await bob.hear('event:appended', ({ event }) => JSON.stringify(event.data).includes(`round ${n}"`))
    await bob.request('room:leave', { roomId })
  }
  bob.close()
})

describe('one user who asks for as much as all its sockets may', () => {
  it('keeps nobody else waiting for long', { timeout: 120_000 }, async () => {
    const people = Array.from({ length: 300 }, (_, n) => `one-of-many-${n}`)
    await stage.asServer('room:create', { kind: 'group', members: people })
    const roomId = await stage.room('ada', { members: ['bob'] })
    const seq = await stage.say('ada', roomId, 'before')
    // Each of these writes 300 members, and the log lets eight rooms be written to at a time.
    const asked = Array.from({ length: 16 }, () =>
      stage.socket('eve').request('room:create', { kind: 'group', members: people }),
    )
    await asked[0]
    const at = performance.now()
    await stage.overSocket('ada', 'message:edit', { roomId, seq, text: 'meanwhile' })
    expect(performance.now() - at).toBeLessThan(2_000)
    await Promise.all(asked)
  })

  it('is told so when too much waits', { timeout: 60_000 }, async () => {
    const sockets = await Promise.all(
      Array.from({ length: 5 }, () => connectSocket(stage.url(), 'bob', register)),
    )
    const asked = sockets.flatMap(socket =>
      Array.from({ length: LIMITS.requestsBurst }, () =>
        refusalOf(socket.request('job:get', { jobId: 'none' })),
      ),
    )
    const refusals = await Promise.all(asked)
    expect(new Set(refusals)).toEqual(new Set(['not_found', 'rate_limited']))
    for (const socket of sockets) socket.close()
  })
})

it('who is blocked does not ring, and who blocks rings nobody either', async () => {
  const { id: roomId } = await stage.overRest('mod', 'room:create', { kind: 'direct', members: ['bob'] })
  const join = (who: string) =>
    refusalOf(stage.socket(who).request('call:join', { roomId, rtpCapabilities: {} }))
  // There is no SFU here: who may call hears that.
  expect(await join('mod')).toBe('unavailable')
  await stage.overRest('bob', 'block:add', { userId: 'mod' })
  expect([await join('mod'), await join('bob')]).toEqual(['forbidden', 'forbidden'])
  await stage.overRest('bob', 'block:remove', { userId: 'mod' })
  expect(await join('mod')).toBe('unavailable')
})
