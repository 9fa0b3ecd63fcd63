import { type CallStanding, LIMITS, SERVER_CALL_RANK } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { arrivalOf, idsOf, joinRaw } from './testing/raw.ts'
import { listen, startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

const SERVER = { role: 'host' as const, rank: SERVER_CALL_RANK }
const HOST: CallStanding = { role: 'host', rank: 3 }
const SPEAKER: CallStanding = { role: 'speaker', rank: 0 }

test('who was on the way when the lobby was switched on does not switch it off', async () => {
  const sfu = await startSfu()
  const roomId = 'ward'
  await joinRaw(sfu, roomId, 'anna')
  const late = { ...arrivalOf(roomId, 'ben'), lobby: false, asOf: 7 }
  await sfu.request('call:lobby', { roomId, lobby: true, asOf: 8 })
  const {
    roomId: _,
    participantId: __,
    connectionId: holder,
    rtpCapabilities: ___,
    ...cora
  } = arrivalOf(roomId, 'cora')
  await sfu.request('call:knock', { ...cora, roomId, holder, lobby: true, asOf: 8 })
  await expect(sfu.request('call:join', late)).rejects.toMatchObject({ code: 'knock_first' })
  const { data } = await sfu.request('call:waiting', { roomId, by: SERVER })
  expect(data.map(({ userId }) => userId)).toEqual(['user-cora'])
  const { call } = await sfu.request('call:get', { roomId })
  expect(call).toMatchObject({ lobby: true, participants: [{ id: 'anna' }] })
})

test('who was on the way when it lost a role comes without it', async () => {
  const sfu = await startSfu()
  const roomId = 'ward'
  const arrival = { ...arrivalOf(roomId, 'mona'), standing: HOST, asOf: 4 }
  await sfu.request('call:prepare', arrival)
  await sfu.request('call:standing', { roomId, targetId: 'mona', standing: SPEAKER, asOf: 5 })
  const { call } = await sfu.request('call:join', arrival)
  expect(call.participants).toMatchObject([{ id: 'mona', role: 'speaker' }])
  await sfu.request('call:standing', { roomId, targetId: 'mona', standing: HOST, asOf: 6 })
  const { call: after } = await sfu.request('call:get', { roomId })
  expect(after?.participants).toMatchObject([{ id: 'mona', role: 'host' }])
})

test('a call that somebody has only prepared to join is no call to anybody else', async () => {
  const sfu = await startSfu()
  await sfu.request('call:prepare', arrivalOf('ward', 'anna'))
  expect((await sfu.request('call:get', { roomId: 'ward' })).call).toBeNull()
  expect((await sfu.request('sfu:calls', {})).calls).toEqual([])
  await sfu.request('call:join', arrivalOf('ward', 'anna'))
  expect((await sfu.request('sfu:calls', {})).calls).toMatchObject([{ roomId: 'ward' }])
})

test('streams of one user are bounded over all calls, and each that ends makes room', async () => {
  const sfu = await startSfu()
  const begin = (n: number, userId = 'encoder') =>
    sfu.request('call:join', {
      ...arrivalOf(`room-${n % 3}`, `par-${userId}-${n}`),
      userId,
      unattended: true,
    })
  const limit = LIMITS.streamsPerUser
  const streams = await Promise.allSettled(Array.from({ length: limit + 4 }, (_, n) => begin(n)))
  const begun = streams.flatMap(stream => (stream.status === 'fulfilled' ? [stream.value] : []))
  const refused = streams.flatMap(stream => (stream.status === 'rejected' ? [stream.reason.code] : []))
  expect(begun).toHaveLength(limit)
  expect(refused).toEqual(Array(4).fill('limit_reached'))
  await begin(0, 'another')
  const [first, second] = begun
  if (!first || !second) throw new Error('there are no streams')
  await sfu.request('call:leave', idsOf(first))
  await begin(limit + 5)
  await expect(begin(limit + 6)).rejects.toMatchObject({ code: 'limit_reached' })
  // However a stream ends.
  await sfu.request('call:end', { roomId: second.call.roomId, by: SERVER })
  await begin(limit + 7)
})

test('a hand that goes up and down all the time is not told of each time', async () => {
  const sfu = await startSfu()
  const heard = listen(sfu)
  const people = await Promise.all(Array.from({ length: 30 }, (_, n) => joinRaw(sfu, 'hall', `par${n}`)))
  const [anna] = people
  if (!anna) throw new Error('nobody is there')
  const by = { ...SPEAKER, userId: 'user-par0' }
  const hand = async (raised: boolean) => {
    await sfu.request('call:hand', { roomId: 'hall', by, targetId: anna.participantId, raised })
    // Each by itself, as requests of a client come.
    await new Promise(resolve => setImmediate(resolve))
  }
  const told = () => heard.of('call:changed').length
  await until('all are told of', () => heard.of('call:changed').at(-1)?.call.participants.length === 30)
  const before = told()
  const begun = performance.now()
  for (let turn = 0; turn < 200; turn++) await hand(turn % 2 === 0)
  await hand(true)
  const isUp = () =>
    heard
      .of('call:changed')
      .at(-1)
      ?.call.participants.find(({ id }) => id === 'par0')?.handRaisedAt
  // What it comes to is told all the same.
  await until('the hand is up', isUp)
  const tookMs = performance.now() - begun
  expect(told() - before).toBeLessThanOrEqual(tookMs / 40 + 2)
})

test('of calls that begin at the same time each has its hosts', async () => {
  const sfu = await startSfu()
  const roomIds = Array.from({ length: 12 }, (_, n) => `ward-${n}`)
  await Promise.all(roomIds.map(roomId => joinRaw(sfu, roomId, `par-${roomId}`)))
  await Promise.all(roomIds.map(roomId => sfu.request('call:lock', { roomId, by: SERVER, locked: true })))
  const { calls } = await sfu.request('sfu:calls', {})
  expect(calls.map(({ locked }) => locked)).toEqual(Array(12).fill(true))
  for (const roomId of roomIds) {
    await expect(joinRaw(sfu, roomId, `late-${roomId}`)).rejects.toMatchObject({ code: 'locked' })
  }
})
