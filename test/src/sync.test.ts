import type { OperationAnswer } from '@trunkline/protocol'
import { LIMITS } from '@trunkline/protocol'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { restartServer, startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

type Sync = OperationAnswer<'sync:get'>

/** Signalling is all that is asked. */
const ALONE = { services: ['signalling'], env: { TRUNKLINE_SECRET: 'the-secret-of-these-tests' } }

const register = cleanUpAfterAll()
let server: TestServer
let made = 0

beforeAll(async () => {
  server = await startServer({ ...ALONE, register })
}, 60_000)

const ok = async <T = unknown>(method: string, path: string, body?: unknown, token?: string): Promise<T> => {
  const answer = await rest(server.url, method, path, { body, token })
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body
}

const room = async (...members: string[]): Promise<string> => {
  const id = `room-${++made}`
  await ok('POST', '/v1/rooms', { id, kind: 'group', members })
  return id
}
const say = (roomId: string, sender: string, text: string, more: object = {}) =>
  ok<{ seq: number }>('POST', `/v1/rooms/${roomId}/messages`, { sender, text, ...more })

const sync = (token: string, cursor?: string, limit?: number): Promise<Sync> => {
  const query = new URLSearchParams({
    ...(cursor === undefined ? {} : { cursor }),
    ...(limit === undefined ? {} : { limit: `${limit}` }),
  })
  return ok('GET', `/v1/sync?${query}`, undefined, token)
}

/**
 * A cursor after which nothing is new. Whoever writes holds the horizon back, also the server's own work (its search
 * index): until it is done, what was told is told again.
 */
const nothingNew = async (token: string, from?: string): Promise<string> => {
  let cursor = from
  const last = await until('nothing is new', async () => {
    const answer = await sync(token, cursor)
    cursor = answer.cursor
    return answer.reset || answer.rooms.length > 0 ? undefined : answer
  })
  return last.cursor
}

test('who was away for a day from 200 rooms is current in one or two answers', async () => {
  const token = await mintToken(server.url, 'traveller')
  const rooms = await Promise.all(Array.from({ length: 200 }, () => room('traveller', 'talker')))
  const first = [await sync(token)]
  while (first.at(-1)?.hasMore) first.push(await sync(token, first.at(-1)?.cursor))
  expect(first.length).toBeLessThanOrEqual(2)
  expect(first.flatMap(answer => answer.rooms)).toHaveLength(200)

  const known = await nothingNew(token, first.at(-1)?.cursor)

  // Of every other room more than an answer tells of one.
  const said = new Map<string, number[]>()
  await Promise.all(
    rooms.map(async (roomId, place) => {
      const seqs: number[] = []
      for (let n = 0; n < (place % 2 === 0 ? 25 : 5); n++) {
        seqs.push((await say(roomId, 'talker', `What happened in number ${n} of that day.`)).seq)
      }
      said.set(roomId, seqs)
    }),
  )
  const back = [await sync(token, known)]
  while (back.at(-1)?.hasMore) back.push(await sync(token, back.at(-1)?.cursor))
  expect(back.length).toBeLessThanOrEqual(2)
  const news = back.flatMap(answer => answer.rooms)
  expect(news).toHaveLength(200)
  for (const { room, events, unread, hasMore, lastMessage } of news) {
    const seqs = said.get(room.id) ?? []
    expect(unread).toBe(seqs.length)
    expect(lastMessage?.seq).toBe(seqs.at(-1))
    expect(hasMore).toBe(seqs.length > LIMITS.syncEventsPerRoomDefault)
    expect(events.map(event => event.seq)).toEqual(seqs.slice(-LIMITS.syncEventsPerRoomDefault))
  }
  await nothingNew(token, back.at(-1)?.cursor)
})

test('a socket asks for the same and gets the same; its numbers are those of room:sync', async () => {
  const roomId = await room('ann', 'ben')
  const ann = await connectSocket(server.url, 'ann', onTestFinished)
  const cursor = await nothingNew(ann.token)
  for (let n = 0; n < 5; n++) await say(roomId, 'ben', `${n}`, n === 4 ? { mentions: ['ann'] } : {})
  const answer = await ann.request('sync:get', { cursor, limit: 3 })
  const { cursor: _, ...rest } = await sync(ann.token, cursor, 3)
  expect(answer).toMatchObject(rest)
  const [news] = answer.rooms
  expect(news).toMatchObject({ unread: 5, mentions: 1, hasMore: true })
  const earlier = await ann.request('room:sync', { roomId, before: news?.events[0]?.seq ?? 0, limit: 2 })
  expect([...earlier.events, ...(news?.events ?? [])].map(event => event.seq)).toEqual([4, 5, 6, 7, 8])

  const quiet = await nothingNew(ann.token, answer.cursor)
  await ann.request('receipt:read', { roomId, seq: 6 })
  const read = await sync(ann.token, quiet)
  expect(read.rooms).toMatchObject([
    { room: { id: roomId }, unread: 2, mentions: 1, events: [], me: { readSeq: 6 } },
  ])
})

test('rooms one was sent away from, banned in, or that were deleted, are told as left', async () => {
  const rooms = await Promise.all(Array.from({ length: 4 }, () => room('max', 'eve')))
  const [kicked, banned, deleted, stays] = rooms as [string, string, string, string]
  const token = await mintToken(server.url, 'max')
  const cursor = await nothingNew(token)
  await ok('DELETE', `/v1/rooms/${kicked}/members/max`)
  await ok('PUT', `/v1/rooms/${banned}/bans/max`, {})
  await ok('DELETE', `/v1/rooms/${deleted}`)
  await say(stays, 'eve', 'still here')
  const answer = await sync(token, cursor)
  expect(answer.left.sort()).toEqual([kicked, banned, deleted].sort())
  expect(answer.rooms.map(({ room }) => room.id)).toEqual([stays])
})

test('an invitation waits in every answer until it is accepted; then the room is there in full', async () => {
  const roomId = await room('host')
  await say(roomId, 'host', 'before you came')
  const token = await mintToken(server.url, 'visitor')
  const first = await nothingNew(token)
  await ok('POST', `/v1/rooms/${roomId}/invitations`, { userIds: ['visitor'] })
  for (const cursor of [first, (await sync(token, first)).cursor]) {
    const answer = await sync(token, cursor)
    expect(answer).toMatchObject({ rooms: [], pending: [{ room: { id: roomId }, pending: 'invited' }] })
  }
  const cursor = await nothingNew(token)
  await ok('POST', `/v1/rooms/${roomId}/accept`, {}, token)
  const answer = await sync(token, cursor)
  expect(answer.pending).toEqual([])
  expect(answer.rooms).toMatchObject([{ room: { id: roomId }, hasMore: false, unread: 0 }])
  expect(answer.rooms[0]?.events[0]?.seq).toBe(1)
})

test('cursors survive a restart of the server', async () => {
  const own = await startServer(ALONE)
  await rest(own.url, 'POST', '/v1/rooms', { body: { id: 'kept', kind: 'group', members: ['zoe'] } })
  const token = await mintToken(own.url, 'zoe')
  const before = await rest(own.url, 'GET', '/v1/sync', { token })
  await own.stop()
  const again = await restartServer(own, ALONE)
  const after = await rest(again.url, 'GET', `/v1/sync?cursor=${before.body.cursor}`, { token })
  expect(after.body).toMatchObject({ reset: false })
})
