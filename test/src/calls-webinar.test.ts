import { LIMITS } from '@trunkline/protocol'
import { Trunkline } from '@trunkline/sdk'
import { expect, onTestFinished, test } from 'vitest'
import { CallPerson } from './support/call-people.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'
import { installWebRtc } from './webrtc.ts'

installWebRtc()

test('of many who listen the first are named and the others counted; who raises a hand is named, and may be made a speaker', async () => {
  const { url } = await startServer({ env: { RTC_WORKERS: '2', RTC_WORKER_STREAMS: '30' } })
  const roomId = 'webinar'
  const made = await rest(url, 'POST', '/v1/rooms', {
    body: { id: roomId, kind: 'group', defaultCallRole: 'listener' },
  })
  expect(made.status).toBe(201)
  const connect = async (userId: string, call?: 'host') => {
    const token = await mintToken(url, userId, { rooms: [{ roomId, ...(call && { call }) }] })
    return new CallPerson(await connectSocket(url, userId, onTestFinished, token), roomId)
  }
  const host = await connect('host', 'host')
  await host.join()
  await host.publish()
  const listeners: CallPerson[] = []
  for (let n = 0; n < LIMITS.listenersNamed + 3; n++) {
    listeners.push(await (await connect(`listener-${n}`)).join())
  }
  const late = listeners.at(-1) as CallPerson
  expect(late.joined?.call.participants.find(({ id }) => id === late.participantId)?.role).toBe('listener')
  expect(late.joined?.call.moreListeners).toBe(2)
  await until('the host reads how many there are', () => host.call()?.moreListeners === 3)
  expect(host.call()?.participants).toHaveLength(1 + LIMITS.listenersNamed)
  const got = await host.socket.request('call:get', { roomId })
  expect(got.call?.moreListeners).toBe(3)
  // At two places: more than one worker was to carry.
  const { body } = await rest(url, 'GET', '/v1/sfu')
  const { workers } = body.nodes?.[0] ?? body
  expect(workers.every(({ participants }: { participants: number }) => participants > 10)).toBe(true)

  // Somebody of the SDK who is only counted is in the call like everybody.
  const client = new Trunkline({
    url,
    token: await mintToken(url, 'with-the-sdk', { rooms: [{ roomId }] }),
    device: { handlerName: 'Chrome111' },
  })
  onTestFinished(() => client.close())
  const room = await client.openRoom(roomId)
  const call = await room.joinCall({})
  await until('it is told of the others', () => call.moreListeners === 3)
  expect(call.participants).toHaveLength(1 + 1 + LIMITS.listenersNamed)
  const joinedAs = call.moderation.role

  await call.moderation.setHand(true)
  const userId = 'with-the-sdk'
  await until('the host sees the hand', () =>
    Boolean(host.call()?.participants.find(one => one.userId === userId)?.handRaisedAt),
  )
  const { id } = host.call()?.participants.find(one => one.userId === userId) ?? { id: 'nobody' }
  await host.socket.request('call:role', { roomId, participantId: id, role: 'speaker' })
  await until('it may speak', () => call.moderation.role === 'speaker')
  await call.moderation.setHand(false)
  await host.socket.request('call:role', { roomId, participantId: id, role: 'listener' })
  await until('it listens again, and is counted', () => call.moderation.role === 'listener')
  expect([joinedAs, call.state]).toEqual(['listener', 'joined'])
  await until('the host reads so', () => host.call()?.moreListeners === 4)

  for (const one of listeners.slice(0, 4)) {
    await one.socket.request('call:leave', { roomId, participantId: one.participantId })
  }
  await until('all are named again', () => host.call()?.moreListeners === undefined)
  expect(host.call()?.participants.some(one => one.userId === userId)).toBe(true)
  expect(call.state).toBe('joined')
}, 120_000)
