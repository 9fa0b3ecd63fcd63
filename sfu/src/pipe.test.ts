import { LIMITS } from '@trunkline/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { Pipe } from './pipe.ts'
import { settingsOf } from './settings.ts'
import { until } from './testing/until.ts'
import { quiet, workerPath } from './testing/worker-path.ts'
import { Worker } from './worker.ts'

const openEnd = async () => {
  const worker = await Worker.create(settingsOf({ logger: quiet, workerBin: await workerPath() }), 0, quiet)
  onTestFinished(() => worker.close())
  return { worker, router: await worker.createRouter() }
}

const start = async () => {
  const [here, there] = await Promise.all([openEnd(), openEnd()])
  return { here, there, pipe: await Pipe.create(here, there) }
}

const VP8 = { mimeType: 'video/VP8', payloadType: 96, clockRate: 90_000 }

test('a track has the same id at both ends, its pauses follow, and it ends with either end', async () => {
  const { here, there, pipe } = await start()
  const [sending, receiving] = await Promise.all([
    here.router.createDirectTransport(),
    there.router.createDirectTransport(),
  ])
  const produce = (ssrc: number, paused = false) =>
    sending.produce({ kind: 'video', paused, rtpParameters: { codecs: [VP8], encodings: [{ ssrc }] } })
  const camera = await produce(1, true)
  const { from, to } = await pipe.carry(camera, here, there)
  expect([to.id, to.paused]).toEqual([camera.id, true])
  await camera.resume()
  await until('it is not paused there', () => !to.paused)
  await camera.pause()
  await until('it is paused there', () => to.paused)
  const { rtpCapabilities } = there.router
  const viewer = await receiving.consume({ producerId: camera.id, rtpCapabilities })
  camera.close()
  await until('it has ended there', () => to.closed && from.closed && viewer.closed)

  const screen = await produce(2)
  const crossing = await pipe.carry(screen, here, there)
  crossing.to.close()
  expect([crossing.from.closed, screen.closed]).toEqual([true, false])
  // As often as somebody wants it there.
  expect((await pipe.carry(screen, here, there)).to.id).toBe(screen.id)
})

test('a pipe ends with either of its places', async () => {
  const { here, there, pipe } = await start()
  expect(pipe.closed).toBe(false)
  there.router.close()
  expect(pipe.closed).toBe(true)
  const left = await here.router.dump()
  expect(left.transportIds).toEqual([])
  await expect(Pipe.create(here, there)).rejects.toThrow()
  expect((await here.router.dump()).transportIds).toEqual([])
})

test('data arrive whole and in order, the first of them and the largest, though much is sent at once', async () => {
  const { here, there, pipe } = await start()
  const [sending, receiving] = await Promise.all([
    here.router.createDirectTransport(),
    there.router.createDirectTransport(),
  ])
  const producer = await sending.produceData({ label: 'reliable' })
  const copy = await pipe.carryData(producer, here, there)
  expect(copy.id).toBe(producer.id)
  const consumer = await receiving.consumeData({ dataProducerId: copy.id })
  const numbers: number[] = []
  consumer.on('message', message => numbers.push(message.readUInt32BE(0)))
  let sent = 0
  const send = (bytes: number) => {
    const message = Buffer.alloc(bytes)
    message.writeUInt32BE(sent++, 0)
    producer.send(message)
  }
  // Before the two ends have agreed on anything.
  for (let n = 0; n < 5; n++) send(100)
  for (let n = 0; n < 700; n++) send(4_000)
  for (let n = 0; n < 10; n++) send(LIMITS.dataMessageBytes)
  await until('all have arrived', () => numbers.length === sent, 30_000)
  expect(numbers).toEqual(Array.from({ length: sent }, (_, n) => n))
  producer.close()
  await until('it has ended there', () => copy.closed && consumer.closed)
})
