import { createWorker, type types } from 'mediasoup'
import { expect, onTestFinished, test } from 'vitest'
import { MEDIA_CODECS, ROUTER_RTP_CAPABILITIES } from './codecs.ts'
import { PreferredLayers } from './preferred-layers.ts'
import { until } from './testing/until.ts'
import { workerPath } from './testing/worker-path.ts'

const SSRC = 4_242
const PAYLOAD_TYPE = 96

type Picture = { temporalLayer: number; keyFrame?: boolean; switchesUp?: boolean }

/** One picture of VP8 in one packet, with its layer in the descriptor (RFC 7741, section 4.2). */
const packetOf = (n: number, { temporalLayer, keyFrame = false, switchesUp = false }: Picture): Buffer => {
  const packet = Buffer.alloc(200)
  packet[0] = 0x80
  packet[1] = 0x80 | PAYLOAD_TYPE
  packet.writeUInt16BE(n, 2)
  packet.writeUInt32BE(n * 3_000, 4)
  packet.writeUInt32BE(SSRC, 8)
  // Extended, begins a partition; then picture id, index of the lowest layer, layer.
  packet.set([0x90, 0xe0, 0x80 | (n >> 8), n & 0xff, (n >> 2) & 0xff], 12)
  packet[17] = (temporalLayer << 6) | (switchesUp ? 0x20 : 0)
  packet[18] = keyFrame ? 0 : 1
  if (keyFrame) packet.set([0, 0, 0x9d, 0x01, 0x2a, 64, 1, 180, 0], 19)
  return packet
}

/** A camera of one size in three temporal layers, to a viewer in the same process. */
const film = async () => {
  const worker = await createWorker({ workerBin: await workerPath() })
  onTestFinished(() => worker.close())
  const router = await worker.createRouter({ mediaCodecs: MEDIA_CODECS })
  const [sending, receiving] = await Promise.all([
    router.createDirectTransport(),
    router.createDirectTransport(),
  ])
  const producer = await sending.produce({
    kind: 'video',
    rtpParameters: {
      codecs: [
        {
          mimeType: 'video/VP8',
          payloadType: PAYLOAD_TYPE,
          clockRate: 90_000,
          rtcpFeedback: [{ type: 'nack', parameter: 'pli' }],
        },
      ],
      encodings: [{ ssrc: SSRC, scalabilityMode: 'L1T3' }],
    },
  })
  const consumer = await receiving.consume({
    producerId: producer.id,
    rtpCapabilities: ROUTER_RTP_CAPABILITIES,
    paused: true,
  })
  expect(consumer.type).toBe('svc')
  let arrived = 0
  consumer.on('rtp', () => arrived++)
  let n = 0
  const send = (...pictures: Picture[]) => {
    for (const picture of pictures) producer.send(packetOf(++n, picture))
  }
  return { consumer, send, arrived: () => arrived }
}

/** As libvpx sends them when none of the highest layer is one to switch to. */
const FOUR: Picture[] = [
  { temporalLayer: 0 },
  { temporalLayer: 2 },
  { temporalLayer: 1 },
  { temporalLayer: 2 },
]
const KEY: Picture = { temporalLayer: 0, keyFrame: true, switchesUp: true }

const resume = async ({ consumer, send }: Awaited<ReturnType<typeof film>>, layers?: PreferredLayers) => {
  // The engine takes layers that have been sent for a moment.
  send(...FOUR, ...FOUR)
  await new Promise(resolve => setTimeout(resolve, 100))
  layers?.begin()
  await consumer.resume()
  send(KEY, ...FOUR, ...FOUR)
}

test('the engine drops the key frame of small cameras: when this fails it is mended, and PreferredLayers can go', async () => {
  const stage = await film()
  await resume(stage)
  await new Promise(resolve => setTimeout(resolve, 300))
  expect(stage.arrived()).toBe(0)
  stage.send({ temporalLayer: 2, switchesUp: true })
  await until('a picture to switch to arrives', () => stage.arrived() === 1)
})

test('the key frame of a small camera arrives, and its other layers follow', async () => {
  const stage = await film()
  const { consumer, send, arrived } = stage
  const layers = new PreferredLayers(consumer)
  await resume(stage, layers)
  await until('the lowest layer flows', () => arrived() >= 3)
  await until('the engine was told the rest', () => consumer.preferredLayers?.temporalLayer === 2)
  const before = arrived()
  send({ temporalLayer: 0 }, { temporalLayer: 2, switchesUp: true }, ...FOUR)
  await until('all layers flow', () => arrived() === before + 6)

  await consumer.pause()
  await until('nothing flows', () => consumer.currentLayers === undefined)
  await resume(stage, layers)
  await until('it flows again', () => arrived() > before + 6)
})

test('what a viewer prefers is kept until it can be had', async () => {
  const stage = await film()
  const { consumer, arrived } = stage
  const layers = new PreferredLayers(consumer)
  await layers.prefer({ spatialLayer: 0, temporalLayer: 1 })
  expect(consumer.preferredLayers).toEqual({ spatialLayer: 0, temporalLayer: 0 })
  await resume(stage, layers)
  await until('the lowest layer flows', () => arrived() >= 3)
  await until('the engine was told the rest', () => consumer.preferredLayers?.temporalLayer === 1)
  await layers.prefer({ spatialLayer: 0 })
  expect(consumer.preferredLayers).toEqual({
    spatialLayer: 0,
    temporalLayer: 2,
  } satisfies types.ConsumerLayers)
})
