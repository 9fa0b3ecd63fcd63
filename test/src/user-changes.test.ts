import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { type Nodes, startNodes } from './support/nodes.ts'
import { mintToken, rest } from './support/rest.ts'
import type { TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'

const register = cleanUpAfterAll()
let here: TestServer
let there: TestServer
let line: Nodes['line']

beforeAll(async () => {
  const started = await startNodes(register)
  line = started.line
  ;[here, there] = started.nodes
  for (const [id, kind, members] of [
    ['pair', 'direct', ['ada', 'ben']],
    ['ward', 'group', ['ada', 'cleo', 'dan']],
  ] as const) {
    expect((await rest(here.url, 'POST', '/v1/rooms', { body: { id, kind, members } })).status).toBe(201)
  }
  await rest(here.url, 'PUT', '/v1/rooms/ward/bans/dan', { body: {} })
}, 90_000)

const rename = async (userId: string, name: string) => {
  const body = { name }
  const { status } = await rest(here.url, 'PATCH', `/v1/users/${userId}`, { body })
  expect(status).toBe(200)
}

test('a new name is heard by those who hear a room of the user, and by its own sockets, at every node', async () => {
  const connect = (server: TestServer, userId: string) => connectSocket(server.url, userId, onTestFinished)
  const [ada, ben, cleo, dan, eve] = await Promise.all([
    connect(there, 'ada'),
    connect(there, 'ben'),
    connect(here, 'cleo'),
    connect(there, 'dan'),
    connect(there, 'eve'),
  ])
  // Ben has nothing open, but an inbox that shows Ada's name; Dan was in her room and is banned, Eve never was.
  await ben.request('inbox:watch', {})
  await cleo.request('room:open', { roomId: 'ward' })
  await dan.request('inbox:watch', {})
  await eve.request('inbox:watch', {})
  await rename('ada', 'Ada Lovelace')
  const lovelace = { id: 'ada', name: 'Ada Lovelace', kind: 'user' }
  for (const socket of [ada, ben, cleo]) {
    expect(await socket.hear('user:changed', ({ id }) => id === 'ada')).toEqual(lovelace)
  }
  // Said twice it is no change; of several at once the last is heard.
  await rename('ada', 'Ada Lovelace')
  await Promise.all(['Ada 1', 'Ada 2', 'Ada 3'].map(name => rename('ada', name)))
  await rename('ada', 'Countess')
  for (const socket of [ada, ben, cleo]) {
    await socket.hear('user:changed', ({ name }) => name === 'Countess')
    expect(socket.heard('user:changed').length).toBeLessThanOrEqual(3)
  }
  expect([dan, eve].flatMap(socket => socket.heard('user:changed'))).toEqual([])
})

test('a token with a new name is told of as well, and so is what was said while Redis was away', async () => {
  const ben = await connectSocket(there.url, 'ben', onTestFinished)
  await ben.request('inbox:watch', {})
  line.cut()
  const token = await mintToken(here.url, 'ada', { name: 'Ada of the token' })
  await rest(here.url, 'GET', '/v1/rooms', { token })
  line.mend()
  await ben.hear('user:changed', ({ name }) => name === 'Ada of the token', 30_000)
})

test('who was away hears of it with the next answer of sync: the direct room has news', async () => {
  const token = await mintToken(there.url, 'ben')
  const sync = async (cursor?: string) =>
    (await rest(there.url, 'GET', `/v1/sync${cursor ? `?cursor=${cursor}` : ''}`, { token })).body
  const { cursor } = await sync()
  await rename('ada', 'Augusta')
  const { rooms } = await sync(cursor)
  expect(rooms.map((news: { peer: { name: string } }) => news.peer.name)).toEqual(['Augusta'])
})
