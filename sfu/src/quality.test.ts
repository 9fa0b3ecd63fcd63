import type { RtpParameters, SfuRequestData } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { PRIORITIES } from './consumer.ts'
import { figuresOf } from './quality.ts'
import { idsOf, joinRaw, publishRaw, rtpParametersOf } from './testing/raw.ts'
import { listen, startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

type Joined = Awaited<ReturnType<typeof joinRaw>>

/** A camera in three sizes. */
const simulcast = (): RtpParameters => ({
  ...rtpParametersOf('camera'),
  encodings: ['r0', 'r1', 'r2'].map(rid => ({ rid, scalabilityMode: 'L1T3' })),
})

/** Joins, and keeps what it is offered. */
const joinWith = async (
  sfu: Awaited<ReturnType<typeof startSfu>>,
  id: string,
  more: Partial<SfuRequestData<'call:join'>> = {},
) => {
  const asking = {
    ...sfu,
    request: (name: 'call:join', data: SfuRequestData<'call:join'>) =>
      sfu.request(name, { ...data, ...more }),
  }
  return joinRaw(asking as unknown as Parameters<typeof joinRaw>[0], 'room', id)
}

const consumerOf = (joined: Joined, from: string, source = 'camera') =>
  joined.consumers.find(it => it.participantId === from && it.source === source)?.id ?? 'none'

test('a sender is told what its viewers want: nothing, a size, all of it', async () => {
  const sfu = await startSfu()
  const { of } = listen(sfu)
  const anna = await joinRaw(sfu, 'room', 'anna')
  const { producerId } = await publishRaw(sfu, anna, 'camera', simulcast())
  const told = () => of('producer:limited').map(({ maxSpatialLayer }) => maxSpatialLayer)
  await until('it is told that nobody watches', () => told().at(-1) === -1)
  expect(of('producer:limited')[0]).toEqual({ ...idsOf(anna), producerId, maxSpatialLayer: -1 })

  const ben = await joinRaw(sfu, 'room', 'ben')
  await until('somebody who comes wants all', () => told().at(-1) === 2)
  const consumerId = consumerOf(ben, 'anna')
  await sfu.request('consumer:resume', { ...idsOf(ben), consumerIds: [consumerId] })
  await sfu.request('consumer:prefer', { ...idsOf(ben), consumerId, spatialLayer: 0 })
  await until('a thumbnail wants the smallest', () => told().at(-1) === 0)
  await sfu.request('consumer:pause', { ...idsOf(ben), consumerIds: [consumerId] })
  await until('a hidden one wants nothing', () => told().at(-1) === -1)
  await sfu.request('consumer:resume', { ...idsOf(ben), consumerIds: [consumerId] })
  await until('and again what it wanted', () => told().at(-1) === 0)
  await sfu.request('consumer:prefer', { ...idsOf(ben), consumerId, spatialLayer: 2 })
  await until('a large one wants all', () => told().at(-1) === 2)
  expect(told()).toEqual([-1, 2, 0, -1, 0, 2])
  await sfu.request('call:leave', idsOf(ben))
  await until('nobody is left', () => told().at(-1) === -1)
})

test('sound is never limited', async () => {
  const sfu = await startSfu()
  const { of } = listen(sfu)
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'mic')
  await publishRaw(sfu, anna, 'camera')
  await until('the camera is', () => of('producer:limited').length > 0)
  expect(of('producer:limited')).toHaveLength(1)
})

test('of a large room the cameras of the last N to come or speak flow, screens and sound always, pins besides', async () => {
  const sfu = await startSfu()
  const { of } = listen(sfu)
  const people = new Map<string, Joined>()
  for (const name of ['anna', 'ben', 'cleo', 'dora']) {
    const joined = await joinRaw(sfu, 'room', name)
    people.set(name, joined)
    await publishRaw(sfu, joined, 'camera')
    await publishRaw(sfu, joined, 'mic')
  }
  await publishRaw(sfu, people.get('dora') as Joined, 'screen')
  const viewer = await joinWith(sfu, 'viewer', { lastN: 2 })
  const held = new Set(viewer.consumers.filter(it => it.held).map(it => it.participantId))
  expect([...held].sort()).toEqual(['cleo', 'dora'])
  expect(viewer.consumers.filter(it => it.source !== 'camera' && it.held)).toEqual([])

  const changes = () => of('consumer:held').map(({ consumerId, held: is }) => [consumerId, is])
  await sfu.request('consumer:prefer', {
    ...idsOf(viewer),
    consumerId: consumerOf(viewer, 'dora'),
    pinned: true,
  })
  await until('the pinned one flows', () => changes().length === 1)
  expect(changes()).toEqual([[consumerOf(viewer, 'dora'), false]])

  // A camera that is off takes no place.
  const anna = people.get('anna') as Joined
  const call = await sfu.request('call:get', { roomId: 'room' })
  const camera = call.call?.participants
    .find(it => it.id === 'anna')
    ?.tracks.find(it => it.source === 'camera')
  await sfu.request('producer:pause', { ...idsOf(anna), producerId: camera?.producerId ?? '' })
  await until('the next in line flows', () => changes().length === 2)
  expect(changes()[1]).toEqual([consumerOf(viewer, 'cleo'), false])
  await sfu.request('call:leave', idsOf(people.get('ben') as Joined))
  await sfu.request('producer:resume', { ...idsOf(anna), producerId: camera?.producerId ?? '' })
  const quality = await sfu.request('call:quality', { roomId: 'room' })
  expect(quality.participants.find(it => it.participantId === 'viewer')?.receiving).toHaveLength(7)
  expect(changes()).toHaveLength(2)
})

test('screens go before pins, pins before who speaks, who speaks before others', () => {
  const { screen, pinned, speaker, other } = PRIORITIES
  expect([other, speaker, pinned, screen]).toEqual([other, speaker, pinned, screen].sort((a, b) => a - b))
  expect(screen).toBeLessThanOrEqual(255)
})

test('figures of all layers together: bitrates add up, the worst counts, a layer that stopped does not', () => {
  const stream = { bitrate: 100_000, fractionLost: 0, jitter: 90, roundTripTime: 20 }
  const figures = figuresOf(
    [
      stream,
      { ...stream, bitrate: 900_000, fractionLost: 64, jitter: 450, roundTripTime: 30 },
      { ...stream, bitrate: 0, fractionLost: 255, jitter: 9_000_000 },
    ],
    90_000,
  )
  expect(figures).toEqual({
    bitrate: 1_000_000,
    loss: 0.25,
    jitterMs: 5,
    rttMs: 30,
    score: expect.any(Number),
  })
  expect(figures.score).toBeLessThan(3)
  expect(figuresOf([], 48_000)).toEqual({ bitrate: 0, loss: 0, jitterMs: 0, score: 5 })
})

test('a call says how its streams are, and a room without one says nobody', async () => {
  const sfu = await startSfu()
  expect(await sfu.request('call:quality', { roomId: 'room' })).toEqual({ participants: [] })
  const anna = await joinRaw(sfu, 'room', 'anna')
  const { producerId } = await publishRaw(sfu, anna, 'camera', simulcast())
  const ben = await joinRaw(sfu, 'room', 'ben')
  const { participants } = await sfu.request('call:quality', { roomId: 'room' })
  expect(participants).toMatchObject([
    {
      participantId: 'anna',
      userId: 'user-anna',
      sending: [
        { producerId, source: 'camera', codec: 'video/VP8', paused: false, bitrate: 0, maxSpatialLayer: 2 },
      ],
      receiving: [],
    },
    {
      participantId: 'ben',
      sending: [],
      receiving: [{ consumerId: consumerOf(ben, 'anna'), from: 'anna', source: 'camera', flowing: false }],
      availableBitrate: expect.any(Number),
    },
  ])
})
