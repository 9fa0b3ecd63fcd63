import type { types } from 'mediasoup-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Peer } from './testing/peer.ts'
import { listen, startSfu } from './testing/start.ts'
import { until } from './testing/until.ts'

const join = async (...args: Parameters<typeof Peer.join>) => {
  const peer = await Peer.join(...args)
  onTestFinished(() => peer.vanish())
  return peer
}

/** Both transports of both must carry both kinds, whoever came first. */
const talk = async (sfu: Parameters<typeof Peer.join>[0], protocol: 'udp' | 'tcp') => {
  const anna = await join(sfu, 'room', 'anna', protocol)
  await anna.publishMic()
  await anna.publishCamera()
  const ben = await join(sfu, 'room', 'ben', protocol)
  await ben.publishMic()
  await ben.publishCamera()
  expect(ben.joined.consumers.map(consumer => consumer.source).sort()).toEqual(['camera', 'mic'])
  for (const [receiver, sender] of [
    [anna, 'ben'],
    [ben, 'anna'],
  ] as const) {
    const mic = await receiver.receives(sender, 'mic')
    const camera = await receiver.receives(sender, 'camera')
    await until('sound arrives', async () => (await receiver.inbound(mic, 'packetsReceived')) > 25)
    await until('pictures are decoded', async () => (await receiver.inbound(camera, 'framesDecoded')) > 10)
    expect(await receiver.hears(mic)).toBeGreaterThan(1_000)
    expect(await receiver.inbound(camera, 'bytesReceived')).toBeGreaterThan(1_000)
  }
}

describe.each([
  ['at one place', {}],
  // With room for nobody more where somebody is.
  ['each at a place of their own', { workers: 3, workerStreams: 1 }],
])('%s', (_, options) => {
  test('sound and picture flow both ways over UDP', async () => {
    await talk(await startSfu(options), 'udp')
  })

  test('sound and picture flow both ways over TCP where UDP is blocked', async () => {
    await talk(await startSfu(options), 'tcp')
  })

  test('a muted track sends nothing and comes back', async () => {
    const sfu = await startSfu(options)
    const anna = await join(sfu, 'room', 'anna')
    const { id: producerId } = await anna.publishCamera()
    const ben = await join(sfu, 'room', 'ben')
    const camera = await ben.receives('anna', 'camera')
    const decoded = () => ben.inbound(camera, 'framesDecoded')
    await until('pictures are decoded', async () => (await decoded()) > 5)
    await sfu.request('producer:pause', { ...anna.ids, producerId })
    await until('the picture stands', async () => {
      const before = await ben.inbound(camera, 'packetsReceived')
      await new Promise(resolve => setTimeout(resolve, 200))
      return (await ben.inbound(camera, 'packetsReceived')) === before
    })
    const stood = await decoded()
    await sfu.request('producer:resume', { ...anna.ids, producerId })
    await until('pictures are decoded again', async () => (await decoded()) > stood + 5)
  })

  test('a viewer chooses among simulcast layers', async () => {
    const sfu = await startSfu(options)
    const anna = await join(sfu, 'room', 'anna')
    await anna.publishCamera({ simulcast: true })
    const ben = await join(sfu, 'room', 'ben')
    const camera = await ben.receives('anna', 'camera')
    const width = (pixels: number) =>
      until(`the picture is ${pixels} wide`, async () => (await ben.inbound(camera, 'frameWidth')) === pixels)
    await width(640)
    await sfu.request('consumer:prefer', { ...ben.ids, consumerId: camera.id, spatialLayer: 0 })
    await width(320)
    await sfu.request('consumer:prefer', { ...ben.ids, consumerId: camera.id, spatialLayer: 1 })
    await width(640)
  })

  test('media go on over transports whose ICE was restarted', async () => {
    const sfu = await startSfu(options)
    const anna = await join(sfu, 'room', 'anna')
    await anna.publishMic()
    const ben = await join(sfu, 'room', 'ben')
    const mic = await ben.receives('anna', 'mic')
    const packets = () => ben.inbound(mic, 'packetsReceived')
    await until('sound arrives', async () => (await packets()) > 10)
    for (const [peer, transport] of [
      [anna, anna.sendTransport],
      [ben, ben.receiveTransport],
    ] as const) {
      const { iceParameters } = await sfu.request('transport:restart', {
        ...peer.ids,
        transportId: transport.id,
      })
      await transport.restartIce({ iceParameters: iceParameters as types.IceParameters })
      const before = await packets()
      await until('sound goes on', async () => (await packets()) > before + 50)
    }
  })

  test('who speaks is told, and silence too', async () => {
    const sfu = await startSfu(options)
    const { of } = listen(sfu)
    const speakers = () => of('speaker:changed').map(notice => notice.participantId)
    const anna = await join(sfu, 'room', 'anna')
    const ben = await join(sfu, 'room', 'ben')
    await Promise.all([anna.publishMic(), ben.publishMic()])
    ben.setLoud(false)
    await until('anna speaks', () => speakers().at(-1) === 'anna')
    anna.setLoud(false)
    await until('nobody speaks', () => speakers().at(-1) === null)
    ben.setLoud(true)
    await until('ben speaks', () => speakers().at(-1) === 'ben')
    const [first] = of('speaker:changed')
    expect(first?.roomId).toBe('room')
    await ben.leave()
    await until('the speaker left', () => speakers().at(-1) === null)
  })

  test('of one camera for a viewer, it is that of who speaks', async () => {
    const sfu = await startSfu(options)
    const { of } = listen(sfu)
    const anna = await join(sfu, 'room', 'anna')
    const ben = await join(sfu, 'room', 'ben')
    await Promise.all([anna, ben].flatMap(peer => [peer.publishMic(), peer.publishCamera()]))
    ben.setLoud(false)
    const viewer = await join(sfu, 'room', 'viewer', undefined, { lastN: 1 })
    const [annas, bens] = [await viewer.receives('anna', 'camera'), await viewer.receives('ben', 'camera')]
    const decoded = (camera: types.Consumer) => viewer.inbound(camera, 'framesDecoded')
    await until("anna's picture is decoded", async () => (await decoded(annas)) > 3)
    expect(await decoded(bens)).toBe(0)
    anna.setLoud(false)
    ben.setLoud(true)
    await until("ben's picture is decoded", async () => (await decoded(bens)) > 3)
    expect(of('consumer:held').slice(-2)).toEqual(
      expect.arrayContaining([
        { ...viewer.ids, consumerId: annas.id, held: true },
        { ...viewer.ids, consumerId: bens.id, held: false },
      ]),
    )
    const stood = await decoded(annas)
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(await decoded(annas)).toBe(stood)
  })
})

test('after the death of a worker, rejoining brings the picture back within 3 s', async () => {
  const sfu = await startSfu()
  const { of } = listen(sfu)
  const anna = await join(sfu, 'room', 'anna')
  await anna.publishCamera()
  const ben = await join(sfu, 'room', 'ben')
  const before = await ben.receives('anna', 'camera')
  await until('pictures are decoded', async () => (await ben.inbound(before, 'framesDecoded')) > 5)
  const [worker] = await sfu.counts()
  const died = performance.now()
  process.kill(worker?.pid ?? Number.NaN, 'SIGKILL')
  await until('both are told', () => of('call:lost').length === 2)
  const [annaAgain, benAgain] = await Promise.all([join(sfu, 'room', 'anna2'), join(sfu, 'room', 'ben2')])
  await annaAgain.publishCamera()
  const after = await benAgain.receives('anna2', 'camera')
  await until('pictures are decoded again', async () => (await benAgain.inbound(after, 'framesDecoded')) > 0)
  expect(performance.now() - died).toBeLessThan(3_000)
})
