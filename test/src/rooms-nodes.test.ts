import type { NoticeData, RequestData } from '@trunkline/protocol'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { settled, upload } from './support/files.ts'
import { type Nodes, SECRET, startNodes } from './support/nodes.ts'
import { perform } from './support/operations.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { until } from './support/until.ts'

/** What a change of membership may take to be true everywhere, ms. */
const PROMISED_MS = 1_000

const register = cleanUpAfterAll()
let cluster: Nodes
let a: TestServer
let b: TestServer
let media: TestServer

beforeAll(async () => {
  cluster = await startNodes(register)
  ;[a, b] = cluster.nodes
  const env = { TRUNKLINE_SECRET: SECRET, DATABASE_URL: cluster.database.url, SIGNALLING_URL: a.url }
  media = await startServer({ services: ['media'], env, register })
}, 90_000)

let roomId: string
let rooms = 0
const name = (who: string) => `${who}-${rooms}`
const connect = (server: TestServer, who: string) => connectSocket(server.url, name(who), onTestFinished)
const open = (socket: TestSocket) => socket.request('room:open', { roomId })
const send = (socket: TestSocket) =>
  socket.request('message:send', { roomId, clientId: `c-${Math.random()}`, text: 'hello' })
const heardSeq = (socket: TestSocket, seq: number) =>
  socket.heard('event:appended').some(({ event }) => event.roomId === roomId && event.seq === seq)
const heardType = (socket: TestSocket, type: string) =>
  socket.heard('event:appended').find(({ event }) => event.roomId === roomId && event.type === type)
const refusalOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'nothing',
    (error: Error) => error.message.split(':')[0],
  )

const ban = async (by: TestSocket, who: string, server = a) => {
  const answer = await perform(server.url, 'member:ban', { roomId, userId: name(who) }, { token: by.token })
  expect(answer.status).toBe(200)
}

beforeEach(() => {
  roomId = `nodes-${++rooms}`
})

/** A channel of olga with mary and pete in it, all of them publishers. */
const makeRoom = async () => {
  const members = ['olga', 'mary', 'pete'].map(name)
  const post = { id: roomId, kind: 'channel' as const, defaultRole: 'publisher' as const, members }
  expect((await perform(a.url, 'room:create', post)).status).toBe(201)
  const owner = { roomId, userId: name('olga'), role: 'owner' as const }
  expect((await perform(a.url, 'member:update', owner)).status).toBe(200)
}

/** Everything a ban takes, looked at on every socket of who was banned. */
const banEverywhere = async () => {
  await makeRoom()
  const [olgaA, olgaB, peteA, peteB] = await Promise.all([
    connect(a, 'olga'),
    connect(b, 'olga'),
    connect(a, 'pete'),
    connect(b, 'pete'),
  ])
  const [maryA, maryB, maryInbox, maryIdle] = await Promise.all([
    connect(a, 'mary'),
    connect(b, 'mary'),
    connect(b, 'mary'),
    connect(b, 'mary'),
  ])
  const mary = [maryA, maryB, maryInbox, maryIdle]
  for (const socket of [olgaA, olgaB, peteA, peteB, maryA, maryB]) await open(socket)
  await maryInbox.request('inbox:watch', {})
  await maryIdle.request('presence:watch', { userIds: [name('olga')] })
  const file = await upload(media.url, maryA.token, roomId, 'a.txt', 'text')
  const { links } = await settled(media.url, maryA.token, file.id)
  const fileStatus = async () =>
    (await rest(media.url, 'GET', `/v1/files/${file.id}`, { token: maryA.token })).status
  const linkStatus = async () => (await fetch(new URL(links.original ?? '', media.url))).status
  expect([await fileStatus(), await linkStatus()]).toEqual([200, 200])

  const start = performance.now()
  await ban(olgaA, 'mary')
  await Promise.all(
    mary.map(socket =>
      socket.hear('room:closed', notice => notice.roomId === roomId && notice.reason === 'banned'),
    ),
  )
  const took = performance.now() - start

  // Each node says something: who is on it and may hear it, does.
  const fromA = await send(olgaA)
  const fromB = await send(olgaB)
  await olgaA.request('typing:set', { roomId, typing: true })
  await olgaB.request('typing:set', { roomId, typing: true })
  await until('pete hears', () => heardSeq(peteA, fromA.event.seq) && heardSeq(peteB, fromB.event.seq))
  for (const socket of [peteA, peteB]) {
    await socket.hear('typing:changed', notice => notice.roomId === roomId && notice.userId === name('olga'))
  }
  await olgaA.request('presence:set', { status: 'dnd' })
  const isDnd = ({ userId, status }: NoticeData<'presence:changed'>) =>
    userId === name('olga') && status === 'dnd'
  await peteA.hear('presence:changed', isDnd)
  for (const socket of mary) {
    expect(heardSeq(socket, fromA.event.seq) || heardSeq(socket, fromB.event.seq)).toBe(false)
    expect(socket.heard('typing:changed').filter(notice => notice.roomId === roomId)).toEqual([])
    expect(socket.heard('presence:changed').filter(isDnd)).toEqual([])
    for (const request of ['room:open', 'room:sync'] as const) {
      expect(await refusalOf(socket.request(request, { roomId }))).toBe('room_not_found')
    }
    expect(await refusalOf(send(socket))).toBe('room_not_found')
    expect(await refusalOf(socket.request('typing:set', { roomId, typing: true }))).toBe('room_not_found')
    expect(await refusalOf(socket.request('room:follow', { roomId }))).toBe('forbidden')
    const userIds = [name('olga')]
    expect((await socket.request('presence:get', { userIds })).data).toEqual([])
    expect((await socket.request('presence:watch', { userIds })).data).toEqual([])
  }
  expect([await fileStatus(), await linkStatus()]).toEqual([404, 403])
  for (const { url } of [a, b]) {
    const { status } = await rest(url, 'GET', `/v1/rooms/${roomId}/events`, { token: maryA.token })
    expect(status).toBe(404)
  }
  // Those who stay hear of a removal, those who moderate of a ban.
  expect([!!heardType(olgaA, 'member.banned'), !!heardType(peteA, 'member.banned')]).toEqual([true, false])
  expect(heardType(peteA, 'member.removed')).toBeDefined()
  return took
}

describe('two nodes', () => {
  test('a ban is true on every socket of either within a second', async () => {
    expect(await banEverywhere()).toBeLessThan(PROMISED_MS)
  })

  test('a ban reaches sockets although the line that tells of it is lost just then', async () => {
    await makeRoom()
    const [olga, maryA, maryB] = await Promise.all([
      connect(a, 'olga'),
      connect(a, 'mary'),
      connect(b, 'mary'),
    ])
    for (const socket of [olga, maryA, maryB]) await open(socket)
    const start = performance.now()
    const banned = ban(olga, 'mary')
    const { rowCount } = await cluster.database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' or query = 'select 1'`,
    )
    expect(rowCount).toBeGreaterThanOrEqual(2)
    await banned
    for (const socket of [maryA, maryB]) {
      await socket.hear('room:closed', notice => notice.roomId === roomId)
    }
    expect(performance.now() - start).toBeLessThan(PROMISED_MS)
    const { event } = await send(olga)
    await until('olga hears herself', () => heardSeq(olga, event.seq))
    expect([maryA, maryB].some(socket => heardSeq(socket, event.seq))).toBe(false)
  })

  test('who comes in hears so, and hears the room without opening it when it watches its inbox', async () => {
    await makeRoom()
    const [sam, samInbox, olga] = await Promise.all([
      connect(b, 'sam'),
      connect(b, 'sam'),
      connect(a, 'olga'),
    ])
    await samInbox.request('inbox:watch', {})
    await olga.request('member:add', { roomId, userIds: [name('sam')] })
    for (const socket of [sam, samInbox]) {
      await socket.hear('room:entered', notice => notice.roomId === roomId && notice.role === 'publisher')
    }
    const { event } = await send(olga)
    await until('the inbox hears', () => heardSeq(samInbox, event.seq))
    expect(heardSeq(sam, event.seq)).toBe(false)
  })

  test('who is promoted sees what those see who moderate, until it is demoted', async () => {
    await makeRoom()
    const [olga, pete, mary] = await Promise.all([connect(a, 'olga'), connect(b, 'pete'), connect(b, 'mary')])
    for (const socket of [pete, mary]) await open(socket)
    const eventsOf = (socket: TestSocket, userId: string) =>
      socket
        .heard('event:appended')
        .flatMap(({ event }) => ('userId' in event.data && event.data.userId === userId ? [event.type] : []))
    const promote = (role: 'moderator' | 'publisher') =>
      olga.request('member:update', { roomId, userId: name('pete'), role })
    /** Bans somebody new until pete has heard of it as expected: an event is delivered beside the change of role. */
    const hearsOfBans = async (as: string) => {
      let n = 0
      await until(`pete hears of bans as ${as}`, async () => {
        const userId = `${name('outcast')}-${as}-${n++}`
        await mintToken(a.url, userId)
        await olga.request('member:add', { roomId, userIds: [userId] })
        await olga.request('member:ban', { roomId, userId })
        return (await until('pete hears', () => eventsOf(pete, userId)[0])) === as
      })
    }
    await hearsOfBans('member.removed')
    await promote('moderator')
    await hearsOfBans('member.banned')
    await promote('publisher')
    await hearsOfBans('member.removed')
    expect(heardType(mary, 'member.banned')).toBeUndefined()
  })

  test.each<[string, Omit<RequestData<'room:create'>, 'members'>]>([
    ['direct room', { kind: 'direct' }],
    ['distinct group', { kind: 'group', distinct: true }],
  ])(
    'make one %s of one set of members, however often and wherever it is asked for at once',
    async (_, post) => {
      const members = ['ann', 'bob'].map(name)
      const [ann, bob] = await Promise.all(members.map(user => mintToken(a.url, user)))
      const ids = await Promise.all(
        Array.from({ length: 30 }, async (_, n) => {
          const token = [undefined, ann, bob][n % 3]
          const others = token === undefined ? members : [members[n % 3 === 1 ? 1 : 0] as string]
          const { status, body } = await perform(
            (n % 2 === 0 ? a : b).url,
            'room:create',
            { ...post, members: others },
            { token },
          )
          expect([status, status === 201 ? '' : body]).toEqual([201, ''])
          return body.id as string
        }),
      )
      expect(new Set(ids).size).toBe(1)
    },
  )
})

describe('two nodes whose Redis is gone', () => {
  beforeAll(() => cluster.redis.kill())

  test('a ban is true on every socket of either within a second', async () => {
    expect(await banEverywhere()).toBeLessThan(PROMISED_MS)
  })
})
