import type { NoticeData } from '@trunkline/protocol'
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer
let stage = 0
let roomId: string
let ada: TestSocket
let ben: TestSocket

beforeAll(async () => {
  server = await startServer({
    services: ['signalling'],
    env: { TRUNKLINE_SECRET: 'a-secret-of-this-test-alone' },
    register,
  })
}, 90_000)

const name = (who: string) => `${who}-${stage}`
const connect = (who: string) => connectSocket(server.url, name(who), onTestFinished)
const open = (socket: TestSocket, id = roomId) => socket.request('room:open', { roomId: id })
const createRoom = async (id: string, ...members: string[]) => {
  const body = { id, kind: 'group', members: members.map(name) }
  expect((await rest(server.url, 'POST', '/v1/rooms', { body })).status).toBe(201)
}
type Changed = NoticeData<'presence:changed'>
const changesOf = (socket: TestSocket, who: string) =>
  socket.heard('presence:changed').filter(({ userId }) => userId === name(who))
const hear = (socket: TestSocket, who: string, fits: (presence: Changed) => boolean, limitMs?: number) =>
  socket.hear('presence:changed', notice => notice.userId === name(who) && fits(notice), limitMs)
const get = async (socket: TestSocket, ...users: string[]) =>
  (await socket.request('presence:get', { userIds: users.map(name) })).data

/** Ada has a room open that Ben is in, who is connected and has nothing open. */
beforeEach(async () => {
  stage += 1
  roomId = `presence-${stage}`
  await createRoom(roomId, 'ada', 'ben')
  ada = await connect('ada')
  await open(ada)
  ben = await connect('ben')
  await hear(ada, 'ben', ({ status }) => status === 'online')
})

test('who is connected is there for those in its rooms, whatever it has open', async () => {
  expect((await open(ada)).presence).toEqual(
    ['ada', 'ben'].map(who => ({ userId: name(who), status: 'online' })),
  )
  await open(ben)
  await ben.request('room:close', { roomId })
  expect((await open(ada)).presence).toHaveLength(2)
  expect(changesOf(ada, 'ben')).toEqual([{ userId: name('ben'), status: 'online' }])
})

test('online on one device beats away on another, and a change is told once', async () => {
  const phone = await connect('ben')
  await phone.request('presence:set', { status: 'away' })
  await ben.request('presence:set', { status: 'away' })
  await hear(ada, 'ben', ({ status }) => status === 'away')
  await phone.request('presence:set', { status: 'online' })
  await hear(ada, 'ben', ({ status }) => status === 'online')
  await until('Ben is online after all', () => changesOf(ada, 'ben').at(-1)?.status === 'online')
  const told = changesOf(ada, 'ben').map(({ status }) => status)
  expect(told.slice(told.indexOf('away'))).toEqual(['away', 'online'])
})

test('dnd is of the user on all devices, and over REST too, until it says that it is there', async () => {
  const phone = await connect('ben')
  const path = '/v1/presence'
  const dnd = await rest(server.url, 'PUT', path, { token: ben.token, body: { status: 'dnd' } })
  expect(dnd.body).toEqual({ userId: name('ben'), status: 'dnd', hidden: false })
  await hear(ada, 'ben', ({ status }) => status === 'dnd')
  ben.close()
  expect(await get(ada, 'ben')).toEqual([{ userId: name('ben'), status: 'dnd' }])
  await phone.request('presence:set', { status: 'away' })
  await hear(ada, 'ben', ({ status }) => status === 'away')
  await rest(server.url, 'PUT', path, { token: ben.token, body: { status: 'dnd' } })
  await rest(server.url, 'PUT', path, { body: { sender: name('ben'), status: 'online' } })
  await until('dnd is over', async () => (await get(ada, 'ben'))[0]?.status === 'away')
})

test('words of a user are told, listed, taken back, and end by themselves', async () => {
  const custom = { text: 'In theatre until noon', emoji: '🎭' }
  expect(await ben.request('presence:set', { custom })).toEqual({
    userId: name('ben'),
    status: 'online',
    custom,
    hidden: false,
  })
  await hear(ada, 'ben', presence => presence.custom?.text === custom.text)
  expect(await get(ada, 'ben')).toEqual([{ userId: name('ben'), status: 'online', custom }])
  await ben.request('presence:set', { custom: null })
  await hear(ada, 'ben', presence => presence.status === 'online' && changesOf(ada, 'ben').length > 2)
  expect(changesOf(ada, 'ben').at(-1)).toEqual({ userId: name('ben'), status: 'online' })

  const soon = new Date(Date.now() + 2_500).toISOString()
  await ben.request('presence:set', { custom: { text: 'one moment', until: soon } })
  await hear(ada, 'ben', presence => presence.custom?.text === 'one moment')
  await until('it ended', () => changesOf(ada, 'ben').at(-1)?.custom === undefined)
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon))
  expect((await get(ada, 'ben'))[0]).not.toHaveProperty('custom')
  const past = ben.request('presence:set', { custom: { text: 'x', until: '2020-01-01T00:00:00.000Z' } })
  await expect(past).rejects.toThrow('invalid_request')
})

test('who went has a time when it was last seen, and its words stay', async () => {
  await ben.request('presence:set', { custom: { text: 'back on Monday' } })
  const before = Date.now()
  ben.close()
  const gone = await hear(ada, 'ben', ({ status }) => status === 'offline')
  expect(Date.parse(gone.lastSeenAt ?? '')).toBeGreaterThanOrEqual(before - 1_000)
  expect(Date.parse(gone.lastSeenAt ?? '')).toBeLessThanOrEqual(Date.now())
  expect(await get(ada, 'ben')).toEqual([gone])
  expect((await open(ada)).presence).toContainEqual(gone)
  await connect('ben')
  await hear(ada, 'ben', ({ status, custom }) => status === 'online' && custom?.text === 'back on Monday')
})

test('a reload is not told of', async () => {
  ben.close()
  const again = await connect('ben')
  expect(await get(ada, 'ben')).toEqual([{ userId: name('ben'), status: 'online' }])
  again.close()
  await hear(ada, 'ben', ({ status }) => status === 'offline')
  expect(changesOf(ada, 'ben').map(({ status }) => status)).toEqual(['online', 'offline'])
})

test('who hides is offline for others and never comes or goes, but sees itself', async () => {
  await ben.request('presence:set', { custom: { text: 'secretly here' } })
  const { hidden, status } = await ben.request('presence:set', { hidden: true })
  expect([hidden, status]).toEqual([true, 'online'])
  const offline = { userId: name('ben'), status: 'offline' }
  await until('Ben is offline', () => changesOf(ada, 'ben').at(-1)?.status === 'offline')
  expect(changesOf(ada, 'ben').at(-1)).toEqual(offline)
  const told = changesOf(ada, 'ben').length
  ben.close()
  await until('the server has counted it out', async () => {
    const { body } = await rest(server.url, 'GET', `/v1/presence?userIds=${name('ben')}`, {
      token: ben.token,
    })
    return body.data[0].status === 'offline'
  })
  const again = await connect('ben')
  expect(await get(ada, 'ben')).toEqual([offline])
  expect((await open(ada)).presence.map(({ userId }) => userId)).not.toContain(name('ben'))
  expect((await get(again, 'ben'))[0]?.status).toBe('online')
  expect((await open(again)).presence).toContainEqual({
    userId: name('ben'),
    status: 'online',
    custom: { text: 'secretly here' },
  })
  expect(changesOf(ada, 'ben')).toHaveLength(told)
  await again.request('presence:set', { hidden: false })
  await hear(
    ada,
    'ben',
    presence => presence.custom?.text === 'secretly here' && presence.status === 'online',
  )
})

test('a socket with many shared rooms open that also watches hears a change once', async () => {
  for (let i = 0; i < 5; i++) {
    await createRoom(`${roomId}-${i}`, 'ada', 'ben')
    await open(ada, `${roomId}-${i}`)
  }
  await ada.request('presence:watch', { userIds: [name('ben')] })
  await ben.request('presence:set', { status: 'away' })
  await hear(ada, 'ben', ({ status }) => status === 'away')
  await ben.request('presence:set', { status: 'online' })
  await until('Ben is back', () => changesOf(ada, 'ben').at(-1)?.status === 'online')
  expect(changesOf(ada, 'ben').map(({ status }) => status)).toEqual(['online', 'away', 'online'])
})

test('of a storm of changes the first is told at once and then the last', async () => {
  const texts = Array.from({ length: 20 }, (_, i) => `word ${i}`)
  // Past the second in which connecting was told.
  await ben.request('presence:set', { custom: { text: 'calm' } })
  await hear(ada, 'ben', ({ custom }) => custom?.text === 'calm')
  const calm = changesOf(ada, 'ben').length
  const began = performance.now()
  for (const text of texts) await ben.request('presence:set', { custom: { text } })
  const took = performance.now() - began
  await hear(ada, 'ben', ({ custom }) => custom?.text === 'word 19')
  // One at most for each second begun, and one for the last state.
  expect(changesOf(ada, 'ben').length - calm).toBeLessThanOrEqual(Math.ceil(took / 1_000) + 1)
})

test('a watcher hears of those it shares a room with, of nobody else, and no longer than it shares one', async () => {
  const cat = await connect('cat')
  const dan = await connect('dan')
  await createRoom(`${roomId}-cat`, 'cat', 'ada')
  const watch = (...users: string[]) => cat.request('presence:watch', { userIds: users.map(name) })
  expect((await watch('ada', 'ben', 'dan', 'nobody')).data).toEqual([
    { userId: name('ada'), status: 'online' },
  ])
  expect((await get(cat, 'ada', 'ben', 'dan', 'cat')).map(({ userId }) => userId)).toEqual(
    ['ada', 'cat'].map(name),
  )
  await ada.request('presence:set', { status: 'away' })
  await hear(cat, 'ada', ({ status }) => status === 'away')
  // In place of the list before.
  expect((await watch('cat')).data).toEqual([{ userId: name('cat'), status: 'online' }])
  await watch('ada')
  await rest(server.url, 'DELETE', `/v1/rooms/${roomId}-cat/members/${name('cat')}`)
  await cat.hear('room:closed', notice => notice.roomId === `${roomId}-cat`)
  await ada.request('presence:set', { custom: { text: 'among ourselves' } })
  await hear(ada, 'ada', ({ custom }) => custom?.text === 'among ourselves')
  await dan.request('presence:get', { userIds: [name('dan')] })
  expect(changesOf(cat, 'ada').some(({ custom }) => custom)).toBe(false)
  expect(await get(cat, 'ada')).toEqual([])
  expect(dan.heard('presence:changed')).toEqual([])
})
