import { createRedis } from '@trunkline/kit'
import type { NoticeData } from '@trunkline/protocol'
import { LIMITS, PROTOCOL_VERSION } from '@trunkline/protocol'
import { io } from 'socket.io-client'
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { silent } from './support/database.ts'
import { type Nodes, startNodes } from './support/nodes.ts'
import { rest } from './support/rest.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let cluster: Nodes
let stage = 0
let roomId: string
/** At the first node, and at the second. */
let ada: TestSocket
let ben: TestSocket

const name = (who: string) => `${who}-${stage}`
const connect = (who: string, node: 0 | 1) =>
  connectSocket(cluster.nodes[node].url, name(who), onTestFinished)
const open = (socket: TestSocket) => socket.request('room:open', { roomId })
const send = async (socket: TestSocket, text: string) =>
  (await socket.request('message:send', { roomId, clientId: `c-${Math.random()}`, text })).event
const hearEvent = (socket: TestSocket, seq: number, limitMs?: number) =>
  socket.hear('event:appended', ({ event }) => event.seq === seq && event.roomId === roomId, limitMs)
const hearPresence = (
  socket: TestSocket,
  who: string,
  fits: (presence: NoticeData<'presence:changed'>) => boolean,
  limitMs?: number,
) => socket.hear('presence:changed', notice => notice.userId === name(who) && fits(notice), limitMs)
const there = async (socket: TestSocket) =>
  (await open(socket)).presence.map(({ userId, status }) => `${userId} ${status}`).sort()
/** What was asked, within a second or what Redis has to do with it is too much. */
const soon = async <T>(work: Promise<T>): Promise<T> => {
  const began = performance.now()
  const result = await work
  expect(performance.now() - began).toBeLessThan(1_000)
  return result
}

beforeAll(async () => {
  cluster = await startNodes(register)
}, 90_000)

beforeEach(async () => {
  stage += 1
  roomId = `nodes-${stage}`
  const body = { id: roomId, kind: 'group', members: ['ada', 'ben', 'eve'].map(name) }
  expect((await rest(cluster.nodes[0].url, 'POST', '/v1/rooms', { body })).status).toBe(201)
  ada = await connect('ada', 0)
  ben = await connect('ben', 1)
  await open(ada)
  await open(ben)
  const both = [`${name('ada')} online`, `${name('ben')} online`]
  for (const socket of [ada, ben]) {
    await until('each sees the other', async () => (await there(socket)).join() === both.join())
  }
})

test('what is said at one node is heard at the other', async () => {
  const event = await send(ada, 'from A')
  expect(await hearEvent(ben, event.seq)).toEqual({ event })
  await ben.request('typing:set', { roomId, typing: true })
  await ada.hear('typing:changed', notice => notice.userId === name('ben') && notice.typing)
  await ben.request('receipt:read', { roomId, seq: event.seq })
  await ada.hear('receipt:changed', notice => notice.userId === name('ben') && notice.readSeq === event.seq)
  await ben.request('presence:set', { custom: { text: 'in a meeting' } })
  await hearPresence(ada, 'ben', ({ custom }) => custom?.text === 'in a meeting')
  await ben.request('presence:set', { status: 'dnd' })
  await hearPresence(ada, 'ben', ({ status }) => status === 'dnd')
  expect(await there(ada)).toEqual([`${name('ada')} online`, `${name('ben')} dnd`])
})

test('a user is there as on the best of its devices, whichever node they are at', async () => {
  const phone = await connect('ben', 0)
  await phone.request('presence:set', { status: 'away' })
  await ben.request('presence:set', { status: 'away' })
  await hearPresence(ada, 'ben', ({ status }) => status === 'away')
  await phone.request('presence:set', { status: 'online' })
  await until('online', () => ada.heard('presence:changed').at(-1)?.status === 'online')
  phone.close()
  await until('away again', () => ada.heard('presence:changed').at(-1)?.status === 'away')
  ben.close()
  await hearPresence(ada, 'ben', ({ status, lastSeenAt }) => status === 'offline' && lastSeenAt !== undefined)
  const ofBen = ada.heard('presence:changed').filter(({ userId }) => userId === name('ben'))
  expect(ofBen.map(({ status }) => status).slice(-4)).toEqual(['away', 'online', 'away', 'offline'])
})

test('who is banned at one node hears nothing at the other, within a second', async () => {
  await ben.request('presence:watch', { userIds: [name('ada')] })
  const began = performance.now()
  const path = `/v1/rooms/${roomId}/bans/${name('ben')}`
  expect((await rest(cluster.nodes[0].url, 'PUT', path, { body: {} })).status).toBeLessThan(300)
  await ben.hear('room:closed', notice => notice.roomId === roomId)
  expect(performance.now() - began).toBeLessThan(1_000)
  const before = ben.heard('event:appended').length
  const event = await send(ada, 'now that he is gone')
  await ada.request('presence:set', { custom: { text: 'unseen' } })
  await hearPresence(ada, 'ada', ({ custom }) => custom?.text === 'unseen')
  await hearEvent(ada, event.seq)
  // Through the same stream, behind what he is not to hear.
  const cat = await connect('ben', 0)
  await until(
    'the other node has read so far',
    async () =>
      (await rest(cluster.nodes[1].url, 'GET', `/v1/presence?userIds=${name('ben')}`, { token: cat.token }))
        .body.data[0],
  )
  expect(ben.heard('event:appended')).toHaveLength(before)
  expect(ben.heard('presence:changed').some(({ custom }) => custom)).toBe(false)
})

test('connections of a user are counted over all nodes', async () => {
  const half = LIMITS.socketsPerUser / 2
  for (let i = 0; i < half; i++) await connect('eve', 0)
  for (let i = 0; i < half; i++) await connect('eve', 1)
  const [first] = [await connectSocket(cluster.nodes[0].url, name('other'), onTestFinished)]
  expect(first?.connected()).toBe(true)
  const { body } = await rest(cluster.nodes[0].url, 'POST', '/v1/tokens', { body: { userId: name('eve') } })
  await until('one too many is refused', async () => {
    const socket = io(cluster.nodes[0].url, {
      auth: { token: body.token, version: PROTOCOL_VERSION },
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
    })
    const refusal = await new Promise<{ data?: { code: string } } | undefined>(resolve => {
      socket.on('connect', () => resolve(undefined))
      socket.on('connect_error', error => resolve(error as never))
    })
    socket.close()
    return refusal?.data?.code === 'limit_reached'
  })
})

test('users of a node that dies are offline within 15 s, of one that ends sooner, and were seen last then', async () => {
  const dying = await cluster.another(onTestFinished)
  const body = { id: `${roomId}-more`, kind: 'group', members: [name('ada'), name('ben'), name('cat')] }
  await rest(cluster.nodes[0].url, 'POST', '/v1/rooms', { body })
  for (const socket of [ada, ben]) await socket.request('room:open', { roomId: body.id })
  await connectSocket(dying.url, name('cat'), onTestFinished)
  for (const socket of [ada, ben]) await hearPresence(socket, 'cat', ({ status }) => status === 'online')
  await dying.stop('SIGKILL')
  const began = Date.now()
  const [one, two] = await Promise.all(
    [ada, ben].map(socket => hearPresence(socket, 'cat', ({ status }) => status === 'offline', 15_000)),
  )
  console.log(`a dead node's users were offline after ${Date.now() - began} ms`)
  expect(one).toEqual(two)
  // What it said last.
  expect(began - Date.parse(one?.lastSeenAt ?? '')).toBeLessThan(4_000)

  const ending = await cluster.another(onTestFinished)
  const heard = ada.heard('presence:changed').length
  const cat = await connectSocket(ending.url, name('cat'), onTestFinished)
  await until('Cat is back', () => ada.heard('presence:changed').slice(heard)[0]?.status === 'online')
  await ending.stop()
  await until('Cat is gone', () => ada.heard('presence:changed').at(-1)?.status === 'offline', 5_000)
  cat.close()
})

/** Everything in the minutes without Redis, by whatever way it went. */
const outage = async (begin: () => Promise<void>, end: () => Promise<void>) => {
  const first = await send(ada, 'before')
  await hearEvent(ben, first.seq)
  const adaHere = await connect('ada', 1)
  const benHere = await connect('ben', 0)
  await open(benHere)
  await begin()
  const dark = await soon(send(ada, 'into the dark'))
  await hearEvent(benHere, dark.seq, 1_000)
  const other = await soon(send(ben, 'me too'))
  await soon(open(ada))
  await soon(open(ben))
  // Of what it knew last, nothing is forgotten.
  expect(await there(ada)).toEqual([`${name('ada')} online`, `${name('ben')} online`])
  const late = await soon(connect('ben', 0))
  await soon(open(late))
  await soon(ada.request('receipt:read', { roomId, seq: other.seq }))
  await soon(ben.request('presence:set', { custom: { text: 'in the dark' } }))
  await soon(ada.request('presence:set', { status: 'away' }))
  await soon(ada.request('block:add', { userId: name('eve') }))
  expect(ben.heard('event:appended').some(({ event }) => event.seq === dark.seq)).toBe(false)
  await end()
  // Nobody says anything since.
  const last = Math.max(dark.seq, other.seq)
  for (const socket of [ada, ben, benHere, late]) await hearEvent(socket, last)
  const { events } = await ben.request('room:sync', { roomId, after: first.seq })
  expect(events.filter(({ type }) => type === 'message.created')).toHaveLength(2)
  await ben.hear('receipt:changed', notice => notice.userId === name('ada') && notice.readSeq === other.seq)
  await adaHere.hear('counts:changed', notice => notice.roomId === roomId && notice.readSeq === other.seq)
  await adaHere.hear('blocks:changed', ({ userIds }) => userIds.includes(name('eve')))
  await hearPresence(ada, 'ben', ({ custom }) => custom?.text === 'in the dark')
  // At the other node she is online still.
  expect(await there(ben)).toEqual([`${name('ada')} online`, `${name('ben')} online`])
  const again = await send(ada, 'again')
  await hearEvent(ben, again.seq, 2_000)
  adaHere.close()
  await hearPresence(ben, 'ada', ({ status }) => status === 'away', 5_000)
  for (const { child } of cluster.nodes) expect([child.exitCode, child.signalCode]).toEqual([null, null])
}

test('Redis dies and comes back with nothing: nodes serve their own meanwhile, and tell what was missed', () =>
  outage(cluster.redis.kill, cluster.redis.restart))

test('Redis hangs for a while: the same', async () => {
  const pid = await redisPid()
  onTestFinished(() => void process.kill(pid, 'SIGCONT'))
  await outage(
    async () => void process.kill(pid, 'SIGSTOP'),
    async () => void process.kill(pid, 'SIGCONT'),
  )
})

test('one node alone loses Redis: the others hear from it and it from them once it is back', () =>
  outage(
    async () => cluster.line.cut(),
    async () => cluster.line.mend(),
  ))

test('Redis comes back with a clock that is behind: nodes hear each other all the same', async () => {
  const redis = await createRedis(cluster.redis.url, silent)
  await redis.connect()
  // As if its clock had been an hour ahead until now.
  await redis.xAdd('socket.io', `${Date.now() + 3_600_000}-0`, { nsp: '' })
  redis.destroy()
  const event = await send(ada, 'read from there on')
  await hearEvent(ben, event.seq)
  await outage(cluster.redis.kill, cluster.redis.restart)
})

const redisPid = async (): Promise<number> => {
  const redis = await createRedis(cluster.redis.url, silent)
  await redis.connect()
  const info = await redis.info('server')
  redis.destroy()
  return Number(/process_id:(\d+)/.exec(info)?.[1])
}
