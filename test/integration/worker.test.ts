import wrtc from '@roamhq/wrtc'
import { ensureWorker } from '@trunkline/sfu/provision'
import type { types } from 'mediasoup'
import * as mediasoup from 'mediasoup'
import { type types as client, Device } from 'mediasoup-client'
import { afterAll, expect, test } from 'vitest'

// libwebrtc in Node takes the place of the browser.
Object.assign(globalThis, {
  RTCPeerConnection: wrtc.RTCPeerConnection,
  RTCSessionDescription: wrtc.RTCSessionDescription,
  RTCIceCandidate: wrtc.RTCIceCandidate,
  MediaStream: wrtc.MediaStream,
  MediaStreamTrack: wrtc.MediaStreamTrack,
})

const SAMPLE_RATE = 48_000
const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

test('the provisioned worker carries sound and data between two peers', { timeout: 30_000 }, async () => {
  const { path } = await ensureWorker({ env: process.env, report: () => {} })
  const worker = await mediasoup.createWorker({ workerBin: path, logLevel: 'warn' })
  closers.push(() => worker.close())
  const webRtcServer = await worker.createWebRtcServer({
    listenInfos: [
      { protocol: 'udp', ip: '127.0.0.1' },
      { protocol: 'tcp', ip: '127.0.0.1' },
    ],
  })
  const router = await worker.createRouter({
    mediaCodecs: [{ kind: 'audio', mimeType: 'audio/opus', clockRate: SAMPLE_RATE, channels: 2 }],
  })
  const sender = await connect(router, webRtcServer, 'send')
  const receiver = await connect(router, webRtcServer, 'recv')

  const tone = startTone()
  const produced = await sender.transport.produce({ track: tone })
  const consumer = await receiver.server.consume({
    producerId: produced.id,
    rtpCapabilities: receiver.device.recvRtpCapabilities,
  })
  const { id, kind, rtpParameters } = consumer
  const consumed = await receiver.transport.consume({
    id,
    producerId: produced.id,
    kind,
    rtpParameters: rtpParameters as client.RtpParameters,
  })
  expect(await loudness(consumed.track)).toBeGreaterThan(1_000)

  const dataProduced = await sender.transport.produceData({ ordered: true })
  const dataConsumer = await receiver.server.consumeData({ dataProducerId: dataProduced.id })
  const dataConsumed = await receiver.transport.consumeData({
    id: dataConsumer.id,
    dataProducerId: dataProduced.id,
    sctpStreamParameters: dataConsumer.sctpStreamParameters as client.SctpStreamParameters,
  })
  const message = new Promise(resolve => dataConsumed.on('message', resolve))
  await Promise.all([opened(dataProduced), opened(dataConsumed)])
  dataProduced.send('through the worker')
  expect(await message).toBe('through the worker')
})

/** One peer: a mediasoup-client transport with its counterpart in the router, each told of the other. */
async function connect(router: types.Router, webRtcServer: types.WebRtcServer, direction: 'send' | 'recv') {
  const device = await Device.factory({ handlerName: 'Chrome111' })
  await device.load({ routerRtpCapabilities: router.rtpCapabilities as client.RtpCapabilities })
  const server = await router.createWebRtcTransport({ webRtcServer, enableSctp: true })
  const { id, iceParameters, iceCandidates, dtlsParameters, sctpParameters } = server
  const options = {
    id,
    iceParameters,
    iceCandidates,
    dtlsParameters,
    sctpParameters,
  } as client.TransportOptions
  const transport =
    direction === 'send' ? device.createSendTransport(options) : device.createRecvTransport(options)
  closers.push(() => transport.close())
  transport.on('connect', (parameters, done, fail) => {
    server.connect(parameters as { dtlsParameters: types.DtlsParameters }).then(done, fail)
  })
  transport.on('produce', (parameters, done, fail) => {
    server.produce(parameters as types.ProducerOptions).then(producer => done({ id: producer.id }), fail)
  })
  transport.on('producedata', (parameters, done, fail) => {
    server
      .produceData(parameters as types.DataProducerOptions)
      .then(producer => done({ id: producer.id }), fail)
  })
  return { device, server, transport }
}

/** A 440 Hz tone in 10 ms chunks, which is how libwebrtc wants it. */
function startTone(): MediaStreamTrack {
  const source = new wrtc.nonstandard.RTCAudioSource()
  const chunk = SAMPLE_RATE / 100
  let sample = 0
  const timer = setInterval(() => {
    const samples = Int16Array.from({ length: chunk }, () => {
      return 12_000 * Math.sin((2 * Math.PI * 440 * sample++) / SAMPLE_RATE)
    })
    source.onData({
      samples,
      sampleRate: SAMPLE_RATE,
      bitsPerSample: 16,
      channelCount: 1,
      numberOfFrames: chunk,
    })
  }, 10)
  closers.push(() => clearInterval(timer))
  return source.createTrack()
}

/** The first amplitude that is not silence. */
function loudness(track: MediaStreamTrack): Promise<number> {
  const sink = new wrtc.nonstandard.RTCAudioSink(track)
  closers.push(() => sink.stop())
  return new Promise(resolve => {
    sink.ondata = ({ samples }: { samples: Int16Array }) => {
      const loudest = samples.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
      if (loudest > 1_000) resolve(loudest)
    }
  })
}

function opened(channel: client.DataProducer | client.DataConsumer): Promise<void> {
  if (channel.readyState === 'open') return Promise.resolve()
  return new Promise(resolve => (channel as client.DataProducer).on('open', resolve))
}
