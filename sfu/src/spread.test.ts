import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { idsOf, joinRaw, publishRaw, resumeRaw, rtpParametersOf } from './testing/raw.ts'
import { listen, startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

type Sfu = Awaited<ReturnType<typeof startSfu>>
type Joined = Awaited<ReturnType<typeof joinRaw>>

/** With room for nobody more at a place somebody is at. */
const SPREAD = { workers: 3, workerStreams: 1 }

const portOf = (joined: Joined) => joined.sendTransport.iceCandidates[0]?.port as number
const workerOf = async (sfu: Sfu, joined: Joined) => {
  const worker = (await sfu.counts()).find(({ port }) => port === portOf(joined))
  if (!worker) throw new Error('no worker has that port')
  return worker
}
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b)

/** A camera in three sizes. */
const inThreeSizes = () => {
  const parameters = rtpParametersOf('camera')
  return { ...parameters, encodings: ['r0', 'r1', 'r2'].map(rid => ({ rid })) }
}

test('people come to the first place until its worker is full, then to a further one; without any they share', async () => {
  const sfu = await startSfu({ workers: 2, workerStreams: 3 })
  const one = async (n: number) => portOf(await joinRaw(sfu, 'room', `p${n}`))
  const ports: number[] = []
  for (let n = 0; n < 8; n++) ports.push(await one(n))
  const [first, second] = [ports[0], ports[3]]
  expect(ports.slice(0, 6)).toEqual([first, first, first, second, second, second])
  expect(second).not.toBe(first)
  // There is room nowhere: the one that carries least, in turns.
  expect(sorted(ports.slice(6))).toEqual(sorted([first, second] as number[]))
  expect((await sfu.request('call:get', { roomId: 'room' })).call?.participants).toHaveLength(8)
})

test('those who come at once spread as those who come one by one', async () => {
  const sfu = await startSfu({ workers: 3, workerStreams: 4 })
  await Promise.all(Array.from({ length: 12 }, (_, n) => joinRaw(sfu, 'room', `p${n}`)))
  expect((await sfu.counts()).map(({ transports }) => transports)).toEqual([8, 8, 8])
  expect(await sfu.statistics()).toMatchObject({ calls: 1, places: 3 })
})

test('what is published crosses once for all at a place, and is taken back with the last of them', async () => {
  const sfu = await startSfu({ workers: 2, workerStreams: 1 })
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'camera')
  const others = []
  // The first goes elsewhere, the second to who has fewer streams, and so on.
  for (const name of ['ben', 'cleo', 'dan']) others.push(await joinRaw(sfu, 'room', name))
  const elsewhere = others.filter(other => portOf(other) !== portOf(anna))
  expect(elsewhere.length).toBeGreaterThan(1)
  const there = await workerOf(sfu, elsewhere[0] as Joined)
  // One copy, and a consumer for each.
  expect(there).toMatchObject({ producers: 1, consumers: elsewhere.length })
  // One of hers is the pipe's.
  const here = await workerOf(sfu, anna)
  expect(here).toMatchObject({ producers: 1, consumers: others.length - elsewhere.length + 1 })
  expect((await sfu.statistics()).pipes.open).toBe(1)
  for (const one of elsewhere) await sfu.request('call:leave', idsOf(one))
  expect(await sfu.counts()).toContainEqual({
    ...there,
    routers: 0,
    transports: 0,
    producers: 0,
    consumers: 0,
    observers: 0,
  })
  expect(await workerOf(sfu, anna)).toMatchObject({ consumers: others.length - elsewhere.length })
  expect(await sfu.statistics()).toMatchObject({ places: 1, pipes: { open: 0 } })
})

test('a sender is told what those at all places want together', async () => {
  const sfu = await startSfu(SPREAD)
  const { of } = listen(sfu)
  const anna = await joinRaw(sfu, 'room', 'anna')
  await publishRaw(sfu, anna, 'camera', inThreeSizes())
  const [ben, cleo] = [await joinRaw(sfu, 'room', 'ben'), await joinRaw(sfu, 'room', 'cleo')]
  expect(new Set([anna, ben, cleo].map(portOf)).size).toBe(3)
  const prefer = (viewer: Joined, spatialLayer: number) =>
    sfu.request('consumer:prefer', {
      ...idsOf(viewer),
      consumerId: viewer.consumers[0]?.id as string,
      spatialLayer,
    })
  const limits = () => of('producer:limited').map(({ maxSpatialLayer }) => maxSpatialLayer)
  await prefer(ben, 0)
  await prefer(cleo, 1)
  await until('the larger of the two is asked for', () => limits().at(-1) === 1)
  await prefer(ben, 2)
  await until('more is asked for', () => limits().at(-1) === 2)
  for (const viewer of [ben, cleo]) {
    const consumerIds = viewer.consumers.map(({ id }) => id)
    await sfu.request('consumer:pause', { ...idsOf(viewer), consumerIds })
  }
  await until('nothing is asked for', () => limits().at(-1) === -1)
  await sfu.request('consumer:resume', {
    ...idsOf(ben),
    consumerIds: ben.consumers.map(({ id }) => id),
  })
  await until('it is asked for again', () => limits().at(-1) === 2)
})

test('with the worker of one place only its people lose their media, and come back as who they were', async () => {
  const sfu = await startSfu(SPREAD)
  const { of, heard } = listen(sfu)
  const anna = await joinRaw(sfu, 'room', 'anna')
  const ben = await joinRaw(sfu, 'room', 'ben')
  const { producerId } = await publishRaw(sfu, ben, 'camera')
  await publishRaw(sfu, anna, 'camera')
  await until('anna receives it', () => of('consumer:added').length === 2)
  heard.length = 0
  process.kill((await workerOf(sfu, ben)).pid, 'SIGKILL')
  await until('anna is told of the end of the picture', () => of('consumer:closed').length === 1)
  expect(of('call:lost').map(({ participantId }) => participantId)).toEqual(['ben'])
  // That it stands still was told before.
  const order = heard.map(({ name }) => name)
  expect(order.indexOf('call:changed')).toBeLessThan(order.indexOf('consumer:closed'))
  expect(of('call:changed')[0]?.call.participants).toMatchObject([
    { id: 'anna', away: false },
    { id: 'ben', away: true, tracks: [{ producerId, source: 'camera' }] },
  ])
  const back = await resumeRaw(sfu, ben)
  expect(back.call.id).toBe(ben.call.id)
  expect(back.consumers.map(({ participantId }) => participantId)).toEqual(['anna'])
  await publishRaw(sfu, back, 'camera')
  await until('anna receives it again', () =>
    of('consumer:added').some(({ participantId }) => participantId === 'anna'),
  )
  const { call } = await sfu.request('call:get', { roomId: 'room' })
  expect(call?.participants.map(({ id, away, tracks }) => [id, away, tracks.length])).toEqual([
    ['anna', false, 1],
    ['ben', false, 1],
  ])
  expect(of('call:ended')).toEqual([])
})

test('a worker that is drained hands on the places that are on it, and the calls stay', async () => {
  const sfu = await startSfu(SPREAD)
  const { of } = listen(sfu)
  const people = []
  for (const name of ['anna', 'ben', 'cleo']) people.push(await joinRaw(sfu, 'room', name))
  const [anna, ben, cleo] = people as [Joined, Joined, Joined]
  const leaving = await workerOf(sfu, ben)
  const drained = sfu.drain(leaving.pid)
  await until('ben is told', () => of('call:lost').length === 1)
  const back = await resumeRaw(sfu, ben)
  await drained
  expect(portOf(back)).not.toBe(leaving.port)
  expect([portOf(anna), portOf(cleo)]).toContain(portOf(back))
  expect(of('call:lost').map(({ participantId }) => participantId)).toEqual(['ben'])
  const { call } = await sfu.request('call:get', { roomId: 'room' })
  expect(call?.participants.map(({ id, away }) => [id, away])).toEqual(
    people.map(one => [one.participantId, false]),
  )
  expect(of('call:ended')).toEqual([])
})

test('all workers that die at once leave the call with everybody in it', async () => {
  const sfu = await startSfu(SPREAD)
  const { of } = listen(sfu)
  const people = []
  for (const name of ['anna', 'ben', 'cleo']) people.push(await joinRaw(sfu, 'room', name))
  await publishRaw(sfu, people[0] as Joined, 'camera')
  for (const { pid } of await sfu.counts()) process.kill(pid, 'SIGKILL')
  await until('all are told', () => of('call:lost').length === 3)
  const back = await Promise.all(people.map(one => resumeRaw(sfu, one)))
  expect(new Set(back.map(({ call }) => call.id))).toEqual(new Set([people[0]?.call.id]))
  await publishRaw(sfu, back[0] as Joined, 'camera')
  await until('the others receive it', () => of('consumer:added').length >= 2)
  expect(of('call:ended')).toEqual([])
})

test('people who come and go between places leave nothing behind', async () => {
  const sfu = await startSfu({ ...SPREAD, emptyCallGraceMs: 0 })
  const round = async () => {
    const people = await Promise.all(['anna', 'ben', 'cleo'].map(name => joinRaw(sfu, 'room', name)))
    await Promise.all(people.flatMap(one => [publishRaw(sfu, one, 'mic'), publishRaw(sfu, one, 'camera')]))
    for (const one of people) await sfu.request('call:leave', idsOf(one))
  }
  const empty = () =>
    until('everything is gone', async () => {
      const counts = await sfu.counts()
      const left = counts.reduce(
        (sum, { routers, transports, producers, consumers }) =>
          sum + routers + transports + producers + consumers,
        0,
      )
      return left === 0 && counts.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length)
    })
  for (let n = 0; n < 3; n++) await round()
  const before = await empty()
  for (let n = 0; n < 15; n++) await round()
  expect(await empty()).toEqual(before)
  expect(await sfu.statistics()).toMatchObject({ calls: 0, places: 0, pipes: { open: 0 } })
})
