import { LIMITS } from '@trunkline/protocol'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'
import { offer } from './support/whip-offer.ts'

const register = cleanUpAfterAll()
let url: string
beforeAll(async () => {
  url = (await startServer({ register })).url
})

let rooms = 0
const makeRoom = async (members: string[]): Promise<string> => {
  const roomId = `room-${++rooms}`
  await perform(url, 'room:create', { id: roomId, kind: 'group', members })
  return roomId
}
const come = (roomId: string, userId: string) => CallPerson.connect({ url, userId, roomId }, onTestFinished)
const inCall = async (roomId: string): Promise<string[]> => {
  const { body } = await perform(url, 'call:get', { roomId })
  return body.call?.participants.map(({ userId }: { userId: string }) => userId) ?? []
}

/** @returns the status, and the code of a refusal */
const stream = async (roomId: string, token: string): Promise<{ status: number; code?: string }> => {
  const answer = await fetch(`${url}/v1/rooms/${roomId}/whip`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' },
    body: offer(),
  })
  const text = await answer.text()
  return { status: answer.status, ...(answer.ok ? {} : { code: JSON.parse(text).code }) }
}

/** Asks again and again, several at a time, until it is stopped. */
const insist = (ask: () => Promise<unknown>, atOnce = 4) => {
  let goesOn = true
  const lines = Array.from({ length: atOnce }, async () => {
    while (goesOn) await ask().catch(() => undefined)
  })
  const stop = async () => {
    goesOn = false
    await Promise.all(lines)
  }
  onTestFinished(stop)
  return stop
}

test('what somebody has prepared and not joined is no call to those who open the room', async () => {
  const roomId = await makeRoom(['ada', 'grace'])
  const [ada, grace] = await Promise.all([come(roomId, 'ada'), come(roomId, 'grace')])
  const { routerRtpCapabilities } = await ada.socket.request('room:open', { roomId })
  await ada.socket.request('call:prepare', { roomId, rtpCapabilities: routerRtpCapabilities ?? {} })
  expect((await grace.socket.request('room:open', { roomId })).call).toBeNull()
  expect((await perform(url, 'call:get', { roomId })).body.call).toBeNull()
})

test('in an archived room nobody begins a call, by whatever way', async () => {
  const roomId = await makeRoom(['ada'])
  const ada = await come(roomId, 'ada')
  const { routerRtpCapabilities } = await ada.socket.request('room:open', { roomId })
  await perform(url, 'room:archive', { roomId })
  const wanted = { roomId, rtpCapabilities: routerRtpCapabilities ?? {} }
  expect(await codeOf(ada.socket.request('call:join', wanted))).toBe('forbidden')
  expect(await codeOf(ada.socket.request('call:prepare', wanted))).toBe('forbidden')
  expect(await codeOf(ada.knock())).toBe('forbidden')
  expect(await stream(roomId, ada.socket.token)).toMatchObject({ status: 403, code: 'forbidden' })
  expect(await inCall(roomId)).toEqual([])
})

test('a ban ends the streams of who is banned, also those on the way', async () => {
  for (let time = 0; time < 5; time++) {
    const userId = `encoder-${time}`
    const roomId = await makeRoom([userId])
    const token = await mintToken(url, userId)
    const stop = insist(() => stream(roomId, token))
    await until('a stream is there', async () => (await inCall(roomId)).length > 0)
    await perform(url, 'member:ban', { roomId, userId })
    await new Promise(resolve => setTimeout(resolve, 300))
    await stop()
    expect(await stream(roomId, token)).toMatchObject({ status: 404 })
    await until('no stream is left', async () => (await inCall(roomId)).length === 0, 5_000)
  }
})

test('streams of one user are bounded', async () => {
  const roomId = await makeRoom(['encoder'])
  const token = await mintToken(url, 'encoder')
  for (let n = 0; n < LIMITS.streamsPerUser; n++) {
    expect((await stream(roomId, token)).status, `stream ${n}`).toBe(201)
  }
  expect(await stream(roomId, token)).toMatchObject({ code: 'limit_reached' })
  expect(await inCall(roomId)).toHaveLength(LIMITS.streamsPerUser)
})

const TABLES = [{ title: 'Table 1', userIds: ['paul'] }]

test('who is banned from a room is out of its breakouts, and of the calls there', async () => {
  const roomId = await makeRoom(['mona', 'paul'])
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  const { body } = await perform(url, 'breakout:open', { roomId, breakouts: TABLES })
  const table = body.breakouts[0].roomId
  const paul = await (await come(table, 'paul')).join()
  const mona = await (await come(table, 'mona')).join()
  await perform(url, 'member:ban', { roomId, userId: 'paul' })
  await paul.socket.hear('room:closed', it => it.roomId === table)
  await until('paul is out', async () => (await inCall(table)).join() === 'mona')
  expect(await codeOf(paul.join())).toBe('room_not_found')
  expect(mona.sees(paul)).toBeUndefined()
})

test('of many that open breakouts at the same time one does, and nothing is left of the others', async () => {
  const roomId = await makeRoom(['mona', 'paul'])
  const tries = await Promise.all(
    Array.from({ length: 4 }, () => perform(url, 'breakout:open', { roomId, breakouts: TABLES })),
  )
  expect(tries.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
  const token = await mintToken(url, 'paul')
  const open = async () => {
    const { body } = await perform(url, 'inbox:list', {}, { token })
    const entries: { room: { parentId?: string } }[] = body.data
    return entries.filter(({ room }) => room.parentId === roomId).length
  }
  expect(await open()).toBe(1)
})

test('who waits at the door of a room does not come in by a breakout', async () => {
  const roomId = `ward-${++rooms}`
  const members = ['mona', 'paul']
  await perform(url, 'room:create', { id: roomId, kind: 'group', members, guests: true, lobby: true })
  const { body } = await perform(url, 'breakout:open', { roomId, breakouts: TABLES })
  const answer = await rest(url, 'POST', '/v1/guest-tokens', {
    body: { roomId: body.breakouts[0].roomId, name: 'Somebody' },
  })
  expect(answer.body.code).toBe('room_not_found')
})
