import wrtc from '@roamhq/wrtc'
import type { ConsumerOptions, JoinedCall, Sfu, SfuNoticeData, TrackSource } from '@trunkline/protocol'
import { Device, type types } from 'mediasoup-client'
import { until } from './until.ts'

// mediasoup-client's Chromium handler speaks to whatever WebRTC the globals hold; here libwebrtc itself.
Object.assign(globalThis, {
  RTCPeerConnection: wrtc.RTCPeerConnection,
  RTCSessionDescription: wrtc.RTCSessionDescription,
  RTCIceCandidate: wrtc.RTCIceCandidate,
  RTCRtpReceiver: wrtc.RTCRtpReceiver,
  MediaStream: wrtc.MediaStream,
  MediaStreamTrack: wrtc.MediaStreamTrack,
})

const SAMPLE_RATE = 48_000
const TONE_HZ = 440

/** A microphone hearing a tone, in chunks of 10 ms as libwebrtc wants them. */
const openMicrophone = (): { track: MediaStreamTrack; setLoud(loud: boolean): void; stop(): void } => {
  const source = new wrtc.nonstandard.RTCAudioSource()
  const track = source.createTrack() as unknown as MediaStreamTrack
  const samples = new Int16Array(SAMPLE_RATE / 100)
  let amplitude = 12_000
  let n = 0
  const timer = setInterval(() => {
    for (let i = 0; i < samples.length; i++, n++) {
      // Swells like speech: detectors rate a steady tone as noise.
      const swell = 0.5 + 0.5 * Math.sin((2 * Math.PI * 3 * n) / SAMPLE_RATE)
      samples[i] = amplitude * swell * Math.sin((2 * Math.PI * TONE_HZ * n) / SAMPLE_RATE)
    }
    source.onData({
      samples,
      sampleRate: SAMPLE_RATE,
      bitsPerSample: 16,
      channelCount: 1,
      numberOfFrames: samples.length,
    })
  }, 10)
  const setLoud = (loud: boolean) => {
    amplitude = loud ? 12_000 : 0
  }
  return { track, setLoud, stop: () => clearInterval(timer) }
}

/** A camera whose picture moves. */
const openCamera = (width: number, height: number): { track: MediaStreamTrack; stop(): void } => {
  const source = new wrtc.nonstandard.RTCVideoSource()
  const track = source.createTrack() as unknown as MediaStreamTrack
  const data = new Uint8ClampedArray((width * height * 3) / 2).fill(128)
  let shown = 0
  const timer = setInterval(() => {
    shown++
    for (let y = 0; y < height; y++) data.fill((y * 3 + shown * 5) & 0xff, y * width, (y + 1) * width)
    source.onFrame({ width, height, data } as never)
  }, 66)
  return { track, stop: () => clearInterval(timer) }
}

/** A participant with real WebRTC: what a browser does in a call, without the browser. */
export class Peer {
  readonly #sfu: Sfu
  readonly #device: Device
  readonly #stops: (() => void)[] = []
  readonly joined: JoinedCall
  readonly sendTransport: types.Transport
  readonly receiveTransport: types.Transport
  /** By the consumer's id: what it receives. */
  readonly consumers = new Map<string, { options: ConsumerOptions; client: types.Consumer }>()
  readonly closedConsumers: string[] = []
  /** Consumers in the making, one after the other as a client does. */
  #receiving: Promise<void> = Promise.resolve()
  setLoud: (loud: boolean) => void = () => {}

  private constructor(sfu: Sfu, device: Device, joined: JoinedCall) {
    this.#sfu = sfu
    this.#device = device
    this.joined = joined
    this.sendTransport = device.createSendTransport(joined.sendTransport as types.TransportOptions)
    this.receiveTransport = device.createRecvTransport(joined.receiveTransport as types.TransportOptions)
    for (const transport of [this.sendTransport, this.receiveTransport]) {
      transport.on('connect', ({ dtlsParameters }, done, failed) => {
        sfu
          .request('transport:connect', { ...this.ids, transportId: transport.id, dtlsParameters })
          .then(done, failed)
      })
    }
    this.sendTransport.on('produce', ({ kind, rtpParameters, appData }, done, failed) => {
      const source = appData.source as TrackSource
      sfu
        .request('producer:create', {
          ...this.ids,
          transportId: this.sendTransport.id,
          source,
          kind,
          rtpParameters,
        })
        .then(({ producerId }) => done({ id: producerId }), failed)
    })
    this.#stops.push(
      sfu.onNotice((name, data) => {
        const { participantId } = data as { participantId?: string }
        if (participantId !== joined.participantId) return
        if (name === 'consumer:added') this.#receive((data as SfuNoticeData<'consumer:added'>).consumer)
        if (name === 'consumer:closed') {
          const { consumerId } = data as SfuNoticeData<'consumer:closed'>
          this.closedConsumers.push(consumerId)
          this.consumers.get(consumerId)?.client.close()
          this.consumers.delete(consumerId)
        }
      }),
    )
    for (const consumer of joined.consumers) this.#receive(consumer)
  }

  /** @param protocol only candidates of this one, as behind a firewall */
  static async join(
    sfu: Sfu,
    roomId: string,
    participantId: string,
    protocol?: 'udp' | 'tcp',
    more: { lastN?: number } = {},
  ): Promise<Peer> {
    const device = await Device.factory({ handlerName: 'Chrome111' })
    const { routerRtpCapabilities } = await sfu.request('sfu:capabilities', {})
    await device.load({ routerRtpCapabilities: routerRtpCapabilities as types.RtpCapabilities })
    const joined = await sfu.request('call:join', {
      roomId,
      participantId,
      userId: `user-${participantId}`,
      name: participantId,
      connectionId: `socket-${participantId}`,
      standing: { role: 'speaker', rank: 0 },
      lobby: false,
      asOf: 0,
      rtpCapabilities: device.recvRtpCapabilities,
      ...more,
    })
    const offered = ({ iceCandidates }: { iceCandidates: Record<string, unknown>[] }) =>
      iceCandidates.filter(candidate => !protocol || candidate.protocol === protocol)
    joined.sendTransport.iceCandidates = offered(joined.sendTransport)
    joined.receiveTransport.iceCandidates = offered(joined.receiveTransport)
    return new Peer(sfu, device, joined)
  }

  get ids() {
    return { roomId: this.joined.call.roomId, participantId: this.joined.participantId }
  }

  get capabilities() {
    return this.#device.recvRtpCapabilities
  }

  async publishMic(): Promise<types.Producer> {
    const { track, setLoud, stop } = openMicrophone()
    this.#stops.push(stop)
    this.setLoud = setLoud
    return this.sendTransport.produce({ track, appData: { source: 'mic' } })
  }

  async publishCamera(options: { simulcast?: boolean } = {}): Promise<types.Producer> {
    const { track, stop } = options.simulcast ? openCamera(640, 360) : openCamera(320, 180)
    this.#stops.push(stop)
    const encodings = options.simulcast
      ? [
          { scaleResolutionDownBy: 2, maxBitrate: 150_000, scalabilityMode: 'L1T3' },
          { scaleResolutionDownBy: 1, maxBitrate: 600_000, scalabilityMode: 'L1T3' },
        ]
      : undefined
    return this.sendTransport.produce({
      track,
      appData: { source: 'camera' },
      ...(encodings ? { encodings } : {}),
    })
  }

  /** Waits until it receives a track of this source from that participant. */
  async receives(participantId: string, source: TrackSource): Promise<types.Consumer> {
    return until(`${source} of ${participantId} reaches ${this.ids.participantId}`, () => {
      for (const { options, client } of this.consumers.values()) {
        if (options.participantId === participantId && options.source === source) return client
      }
      return undefined
    })
  }

  /** A statistic of a consumer's inbound RTP, as libwebrtc counts it. 0 before the first packet. */
  async inbound(
    client: types.Consumer,
    field: 'packetsReceived' | 'bytesReceived' | 'framesDecoded' | 'frameWidth',
  ) {
    const ssrc = client.rtpParameters.encodings?.[0]?.ssrc
    for (const entry of (await this.receiveTransport.getStats()).values()) {
      if (entry.type === 'inbound-rtp' && entry.ssrc === ssrc)
        return (entry[field] as number | undefined) ?? 0
    }
    return 0
  }

  /** Loudest sample heard, of 32768, within half a second of chunks that are not empty: the tone swells. */
  async hears(client: types.Consumer): Promise<number> {
    const sink = new wrtc.nonstandard.RTCAudioSink(client.track as never)
    try {
      return await new Promise(resolve => {
        let chunks = 0
        let loudest = 0
        sink.ondata = (({ samples }: { samples: Int16Array }) => {
          const heard = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
          if (heard === 0) return
          loudest = Math.max(loudest, heard)
          chunks += 1
          if (chunks === 50) resolve(loudest)
        }) as never
      })
    } finally {
      sink.stop()
    }
  }

  /** Leaves without a word, as a crashed tab does. */
  vanish(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.sendTransport.close()
    this.receiveTransport.close()
  }

  async leave(): Promise<void> {
    await this.#receiving
    this.vanish()
    await this.#sfu.request('call:leave', this.ids)
  }

  #receive(options: ConsumerOptions): void {
    this.#receiving = this.#receiving.then(async () => {
      if (this.receiveTransport.closed || this.closedConsumers.includes(options.id)) return
      const client = await this.receiveTransport.consume({
        id: options.id,
        producerId: options.producerId,
        kind: options.kind,
        rtpParameters: options.rtpParameters as types.RtpParameters,
      })
      this.consumers.set(options.id, { options, client })
      // It may be gone by now, as its notice has said, or this peer is.
      await this.#sfu.request('consumer:resume', { ...this.ids, consumerIds: [options.id] }).catch(error => {
        const isOver = this.receiveTransport.closed || ['not_found', 'not_in_call'].includes(error.code)
        if (!isOver) throw error
      })
    })
  }
}
