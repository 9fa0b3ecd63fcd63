import { setTimeout as sleep } from 'node:timers/promises'
import type { RtpCapabilities } from '@trunkline/protocol'
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let url: string
let rooms = 0
let roomId: string
beforeAll(async () => {
  url = (await startServer({ register })).url
})
beforeEach(() => {
  roomId = `first-${++rooms}`
})

const create = (settings: { lobby?: boolean } = {}) =>
  perform(url, 'room:create', { id: roomId, kind: 'group', guests: true, members: ['mona'], ...settings })

const comeByLink = (name: string, { to = roomId, token = '' } = {}) =>
  rest(url, 'POST', '/v1/guest-tokens', { token, body: { roomId: to, name } })

type Guest = { id: string; token: string; socket: TestSocket }

const guest = async (name: string): Promise<Guest> => {
  const { status, body } = await comeByLink(name)
  expect(status, JSON.stringify(body)).toBe(201)
  const socket = await connectSocket(url, name, onTestFinished, body.token)
  return { id: body.user.id, token: body.token, socket }
}

const capabilities = async (socket: TestSocket): Promise<RtpCapabilities> =>
  (await socket.request('call:capabilities', {})).routerRtpCapabilities ?? {}

const prepare = async (socket: TestSocket) =>
  socket.request('call:prepare', { roomId, rtpCapabilities: await capabilities(socket) })

/** Somebody who publishes in the room's call, and another track each time it is asked to. */
const speaker = async (): Promise<{ mona: CallPerson; publish: () => Promise<void> }> => {
  const mona = await CallPerson.connect({ url, userId: 'mona', roomId }, onTestFinished)
  await mona.join()
  let producerId = await mona.publish()
  const publish = async () => {
    const { participantId } = mona
    await mona.socket.request('producer:close', { roomId, participantId, producerId })
    producerId = await mona.publish()
  }
  return { mona, publish }
}

/** Who is in the room, and how many events its log has, as an app's server sees it. */
const traces = async () => {
  const [room, members] = await Promise.all([
    rest(url, 'GET', `/v1/rooms/${roomId}`),
    rest(url, 'GET', `/v1/rooms/${roomId}/members`),
  ])
  const names = members.body.data.map(({ user }: { user: { name: string } }) => user.name).sort()
  return { names, lastSeq: room.body.lastSeq, memberCount: room.body.memberCount }
}

test('who comes by a link prepares the call without a trace, and comes into room and call by joining, once', async () => {
  await create()
  const { mona, publish } = await speaker()
  await until('the call is in the log', async () => (await traces()).lastSeq === 3)
  const before = await traces()
  const paul = await guest('Paul')
  const { userId } = await paul.socket.request('call:capabilities', {})
  expect(userId).toBe(paul.id)
  const prepared = await prepare(paul.socket)
  expect(prepared.consumers).toMatchObject([{ participantId: mona.participantId, source: 'mic' }])
  // What comes later is prepared too.
  await publish()
  await paul.socket.hear('consumer:added', ({ participantId }) => participantId === prepared.participantId)
  expect(await traces()).toEqual(before)
  expect(mona.call()?.participants).toHaveLength(1)
  expect(paul.socket.heard('call:changed')).toEqual([])

  // Sent together: neither waits for the other.
  const [opened, joined] = await Promise.all([
    paul.socket.request('room:open', { roomId }),
    paul.socket.request('call:join', {
      roomId,
      rtpCapabilities: await capabilities(paul.socket),
      participantId: prepared.participantId,
    }),
  ])
  expect([opened.me.role, joined.participantId]).toEqual(['publisher', prepared.participantId])
  expect(joined.receiveTransport).toEqual(prepared.receiveTransport)
  expect(await traces()).toEqual({ names: ['Paul', 'mona'], lastSeq: before.lastSeq + 1, memberCount: 2 })
})

test('who may not join does not prepare either, and learns nothing of who is inside', async () => {
  await create()
  await speaker()
  const refusals = async (socket: TestSocket) => [
    await codeOf(prepare(socket)),
    await codeOf(socket.request('call:join', { roomId, rtpCapabilities: {} })),
  ]
  const banned = await guest('Banned')
  await perform(url, 'member:ban', { roomId, userId: banned.id })
  expect(await refusals(banned.socket)).toEqual(['room_not_found', 'room_not_found'])
  expect((await comeByLink('Banned', { token: banned.token })).body.code).toBe('room_not_found')

  const kicked = await guest('Kicked')
  await kicked.socket.request('room:open', { roomId })
  // Tokens tell seconds: one made in the same second as a kick may have been made after it.
  await sleep(1_000)
  await perform(url, 'member:kick', { roomId, userId: kicked.id })
  expect(await refusals(kicked.socket)).toEqual(['room_not_found', 'room_not_found'])

  const late = await guest('Late')
  const mona = await CallPerson.connect({ url, userId: 'mona', roomId }, onTestFinished)
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  await mona.socket.request('call:lock', { roomId, locked: true })
  expect(await codeOf(prepare(late.socket))).toBe('locked')
  await mona.socket.request('call:lock', { roomId, locked: false })
  await prepare(late.socket)
  await perform(url, 'room:archive', { roomId })
  expect(await codeOf(prepare(late.socket))).toBe('forbidden')
  for (const { socket } of [banned, kicked, late]) expect(socket.heard('call:changed')).toEqual([])
  expect((await traces()).names).toEqual(['mona'])

  const nobody = await connectSocket(url, 'nobody', onTestFinished)
  expect(await refusals(nobody)).toEqual(['room_not_found', 'room_not_found'])
})

test('a lobby lets nobody prepare, nor keeps who had prepared before there was one', async () => {
  await create()
  const { mona, publish } = await speaker()
  const paul = await guest('Paul')
  const prepared = await prepare(paul.socket)
  await perform(url, 'room:update', { roomId, lobby: true })
  await until('the call has a lobby', () => mona.call()?.lobby === true)
  // What is published now is not for who has to knock.
  await publish()
  expect(await codeOf(prepare(paul.socket))).toBe('knock_first')
  const { participantId } = prepared
  const join = paul.socket.request('call:join', { roomId, rtpCapabilities: {}, participantId })
  expect(await codeOf(join)).toBe('knock_first')
  expect(paul.socket.heard('consumer:added')).toEqual([])
  expect((await traces()).names).toEqual(['mona'])
})

test('a direct room has no third, not even one who prepares', async () => {
  const { body } = await perform(url, 'room:create', { kind: 'direct', members: ['ada', 'grace'] })
  roomId = body.id
  const token = await mintToken(url, 'mallory', { rooms: [{ roomId, role: 'owner' }] })
  expect(await codeOf(prepare(await connectSocket(url, 'mallory', onTestFinished, token)))).toBe(
    'room_not_found',
  )
})

test('a ban, and the end of the room, take away what somebody had prepared who was never in it', async () => {
  await create()
  const { publish } = await speaker()
  const ban = ({ id }: Guest) => perform(url, 'member:ban', { roomId, userId: id })
  const remove = (_: Guest) => perform(url, 'room:delete', { roomId })
  for (const end of [ban, remove]) {
    const paul = await guest('Paul')
    const { participantId, sendTransport } = await prepare(paul.socket)
    const ask = () =>
      codeOf(
        paul.socket.request('transport:restart', { roomId, participantId, transportId: sendTransport.id }),
      )
    expect(await ask()).toBe('ok')
    expect((await end(paul)).status).toBe(200)
    await until('nothing is prepared any more', async () => (await ask()) === 'not_in_call')
    if (end === ban) await publish()
    expect(paul.socket.heard('consumer:added')).toEqual([])
  }
})

test('in the demo whoever comes in first looks after the room, whoever looked before', async () => {
  const looking = await guest('Looks')
  await prepare(looking.socket)
  expect((await traces()).names).toEqual([])
  const roles: string[] = []
  for (const { socket } of [await guest('First'), looking]) {
    roles.push((await socket.request('room:open', { roomId })).me.role)
  }
  expect(roles).toEqual(['moderator', 'publisher'])
})

test('a guest on the way into several rooms may come into each, but not back to where it was sent away', async () => {
  const names = ['left', 'open', 'next'].map(name => `${roomId}-${name}`)
  for (const id of names) await perform(url, 'room:create', { id, kind: 'group', guests: true })
  const [left = '', open = '', next = ''] = names
  const first = (await comeByLink('Gus', { to: left })).body
  const second = (await comeByLink('Gus', { to: open, token: first.token })).body
  expect(second.user.id).toBe(first.user.id)
  const read = async (id: string, token: string) =>
    (await rest(url, 'GET', `/v1/rooms/${id}`, { token })).status
  expect(await read(left, second.token)).toBe(200)
  await sleep(1_000)
  await perform(url, 'member:kick', { roomId: left, userId: first.user.id })
  const third = (await comeByLink('Gus', { to: next, token: second.token })).body
  expect([
    await read(left, third.token),
    await read(open, third.token),
    await read(next, third.token),
  ]).toEqual([404, 200, 200])
})
