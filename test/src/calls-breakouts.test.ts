import { setTimeout as delay } from 'node:timers/promises'
import { LIMITS } from '@trunkline/protocol'
import { beforeAll, expect, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let url: string
beforeAll(async () => {
  url = (await startServer({ register })).url
})

let rooms = 0
const makeRoom = async (): Promise<string> => {
  const roomId = `hall-${++rooms}`
  const members = ['mona', 'paul', 'nina']
  await perform(url, 'room:create', { id: roomId, kind: 'group', title: 'Hall', members, guests: true })
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  return roomId
}
const come = (roomId: string, userId: string) => CallPerson.connect({ url, userId, roomId }, register)
const TABLES = [
  { title: 'Table 1', userIds: ['paul'] },
  { title: 'Table 2', userIds: ['nina'] },
]

test('breakouts are rooms for those assigned and for hosts, of the same kind of guests, and end archived', async () => {
  const roomId = await makeRoom()
  const mona = await come(roomId, 'mona')
  const paul = await come(roomId, 'paul')
  await paul.socket.request('room:open', { roomId })
  const { breakouts } = await mona.socket.request('breakout:open', { roomId, breakouts: TABLES })
  const [first, second] = breakouts
  if (!first || !second) throw new Error('two were to be opened')
  expect(breakouts.map(({ title, userIds }) => ({ title, userIds }))).toEqual(TABLES)
  const { event } = await paul.socket.hear('event:appended', it => it.event.type === 'breakouts.opened')
  expect(event).toMatchObject({ sender: 'mona', data: { breakouts } })

  const room = await paul.socket.request('room:get', { roomId: first.roomId })
  expect(room).toMatchObject({ kind: 'group', title: 'Table 1', guests: true, parentId: roomId })
  expect(await codeOf(paul.socket.request('room:get', { roomId: second.roomId }))).toBe('room_not_found')
  for (const { roomId: id } of breakouts) {
    expect((await mona.socket.request('room:get', { roomId: id })).me?.role).toBe('moderator')
  }
  expect(await codeOf(mona.socket.request('breakout:open', { roomId, breakouts: TABLES }))).toBe('conflict')
  const nested = { roomId: first.roomId, breakouts: TABLES }
  expect(await codeOf(mona.socket.request('breakout:open', nested))).toBe('conflict')

  // Sent elsewhere, and back.
  await mona.socket.request('breakout:move', { roomId, userId: 'paul', breakoutId: second.roomId })
  await paul.socket.hear('event:appended', it => it.event.type === 'breakouts.moved')
  expect(await codeOf(paul.socket.request('room:get', { roomId: second.roomId }))).toBe('ok')
  const { breakouts: moved } = await paul.socket.request('breakout:list', { roomId })
  expect(moved.map(({ userIds }) => userIds)).toEqual([[], ['nina', 'paul']])
  await mona.socket.request('breakout:move', { roomId, userId: 'paul' })
  expect((await paul.socket.request('breakout:list', { roomId })).breakouts[1]?.userIds).toEqual(['nina'])
  const nowhere = { roomId, userId: 'paul', breakoutId: 'nowhere' }
  expect(await codeOf(mona.socket.request('breakout:move', nowhere))).toBe('not_found')

  expect(await mona.socket.request('breakout:close', { roomId })).toEqual({ breakouts: [] })
  await paul.socket.hear('event:appended', it => it.event.type === 'breakouts.closed')
  expect(await mona.socket.request('breakout:close', { roomId })).toEqual({ breakouts: [] })
  const closed = await mona.socket.request('room:get', { roomId: first.roomId })
  expect(closed.archivedAt).not.toBeNull()
})

test('who is no host has no say, and nobody is sent who is not in the room', async () => {
  const roomId = await makeRoom()
  const [mona, paul] = await Promise.all([come(roomId, 'mona'), come(roomId, 'paul')])
  expect(await codeOf(paul.socket.request('breakout:open', { roomId, breakouts: TABLES }))).toBe('forbidden')
  const open = (userIds: string[][]) =>
    mona.socket.request('breakout:open', {
      roomId,
      breakouts: userIds.map((ids, n) => ({ title: `Table ${n}`, userIds: ids })),
    })
  expect(await codeOf(open([['stranger']]))).toBe('invalid_request')
  expect(await codeOf(open([['paul'], ['paul']]))).toBe('invalid_request')
  await open([['paul']])
  const { body } = await perform(
    url,
    'breakout:move',
    { roomId, userId: 'paul' },
    { token: paul.socket.token },
  )
  expect(body.code).toBe('forbidden')
  expect(await codeOf(paul.socket.request('breakout:close', { roomId }))).toBe('forbidden')
})

test('the same request over REST opens breakouts once', async () => {
  const roomId = await makeRoom()
  const headers = { 'idempotency-key': `breakouts of ${roomId}`.replaceAll(' ', '-') }
  const ask = () => perform(url, 'breakout:open', { roomId, breakouts: TABLES }, { headers })
  const [first, second] = [await ask(), await ask()]
  expect(first.status).toBe(201)
  expect(second.body).toEqual(first.body)
})

// Together: most of both is waiting for what is due.
test.concurrent('breakouts with a time close by themselves, and a call that goes on in one is ended', async () => {
  const roomId = await makeRoom()
  const mona = await come(roomId, 'mona')
  await mona.socket.request('room:open', { roomId })
  const seconds = LIMITS.breakoutSecondsMin
  const opened = await mona.socket.request('breakout:open', { roomId, breakouts: TABLES, seconds })
  expect(Date.parse(opened.endsAt ?? '')).toBeGreaterThan(Date.now())
  const straggler = await come(opened.breakouts[0]?.roomId ?? '', 'paul')
  await straggler.join()
  const fits = (it: { event: { type: string } }) => it.event.type === 'breakouts.closed'
  const { event } = await mona.socket.hear('event:appended', fits, 30_000)
  expect(event.sender).toBeUndefined()
  await until('the rest is told to go', () => straggler.socket.heard('call:closed').length === 1, 30_000)
  expect(straggler.socket.heard('call:closed')[0]).toMatchObject({ reason: 'ended' })
})

test.concurrent('who was let in comes back from a breakout without knocking, though everybody had gone', async () => {
  const roomId = await makeRoom()
  await perform(url, 'room:update', { roomId, lobby: true })
  const mona = await (await come(roomId, 'mona')).join()
  const paul = await come(roomId, 'paul')
  await paul.socket.request('call:knock', { roomId })
  await mona.socket.request('call:admit', { roomId })
  await paul.socket.hear('call:admitted', () => true)
  const joined = await paul.join()
  await mona.socket.request('breakout:open', { roomId, breakouts: TABLES })
  for (const { socket, participantId } of [mona, joined]) {
    await socket.request('call:leave', { roomId, participantId })
  }
  await delay(LIMITS.emptyCallGraceMs + 1_000)
  const { id: before } = joined.joined?.call ?? {}
  expect((await paul.join()).joined?.call.id).toBe(before)
  await paul.socket.request('call:leave', { roomId, participantId: paul.participantId })
  await mona.socket.request('breakout:close', { roomId })
  await mona.socket.hear('call:changed', it => it.roomId === roomId && it.call === null, 30_000)
})
