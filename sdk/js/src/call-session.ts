import type {
  ConsumerOptions,
  JoinedCall,
  NoticeData,
  NoticeName,
  RequestData,
  TrackSource,
  TransportOptions,
} from '@trunkline/protocol'
import type { Device, types } from 'mediasoup-client'
import type { Connection, ConnectionEvents } from './connection.ts'
import { Emitter } from './emitter.ts'
import { type SendChoice, sendOptions } from './encodings.ts'
import { toTrunklineError } from './errors.ts'
import { keepTransport } from './ice-keeper.ts'
import type { Reading } from './quality.ts'
import { limitSending } from './sending.ts'
import { Viewing } from './viewing.ts'

/** A track that arrives, and whose it is. */
export type Received = {
  participantId: string
  source: TrackSource
  consumer: types.Consumer
  /** It does not flow, because others spoke later (`lastN`). */
  held: boolean
}

type SessionEvents = {
  received: [Received]
  ended: [Received]
  /** It stopped flowing because others spoke later (`lastN`), or flows again. */
  held: [Received]
  /** Only joining again can help. */
  lost: [string]
}

type ForParticipant = Extract<
  NoticeName,
  'consumer:added' | 'consumer:closed' | 'consumer:held' | 'call:lost' | 'producer:limited'
>
type Joined = JoinedCall & { iceServers: RTCIceServer[] }

/** How one sends, and of how many cameras one receives only the latest speakers' (all when left out). */
export type SessionChoice = SendChoice & { lastN?: number }

/**
 * One membership of a call: both transports and what flows through them. It ends with its participant id; a Call
 * that joins again makes a new one.
 */
export class CallSession extends Emitter<SessionEvents> {
  readonly #connection: Connection
  readonly #device: Device
  readonly #ids: { roomId: string; participantId: string }
  readonly #send: types.Transport
  readonly #receive: types.Transport
  readonly #received = new Map<string, Received>()
  readonly #taken = new Set<string>()
  readonly #producers = new Map<string, types.Producer>()
  readonly #stops: (() => void)[] = []
  readonly joined: Joined
  readonly #choice: SessionChoice
  /** What of the arriving pictures is looked at. */
  readonly viewing: Viewing
  #closed = false

  /**
   * Joins: one round trip. Tracks begin to arrive after `start()`.
   * @throws TrunklineError the server's refusal
   */
  static async join(
    connection: Connection,
    roomId: string,
    device: Device,
    choice: SessionChoice = {},
  ): Promise<CallSession> {
    const rtpCapabilities = device.recvRtpCapabilities as { codecs?: unknown[]; headerExtensions?: unknown[] }
    // Notices may overtake the answer; they wait until it is known whom they are for.
    const early: (() => void)[] = []
    let session: CallSession | undefined
    const stops: (() => void)[] = []
    const hear = <N extends ForParticipant>(
      name: N,
      handle: (session: CallSession, data: NoticeData<N>) => void,
    ) => {
      const listener = (data: NoticeData<N>) => {
        const act = () => {
          if (session && data.participantId === session.participantId) handle(session, data)
        }
        if (session) act()
        else early.push(act)
      }
      stops.push(connection.on(name, listener as (...args: ConnectionEvents[N]) => void))
    }
    hear('consumer:added', (it, { consumer }) => it.#take(consumer))
    hear('consumer:closed', (it, { consumerId }) => it.#drop(consumerId))
    hear('consumer:held', (it, { consumerId, held }) => it.#hold(consumerId, held))
    hear('call:lost', (it, { reason }) => it.#lose(reason))
    hear('producer:limited', (it, { producerId, maxSpatialLayer }) => it.#limit(producerId, maxSpatialLayer))
    try {
      const joined = await connection.request('call:join', {
        roomId,
        rtpCapabilities,
        ...(choice.lastN === undefined ? {} : { lastN: choice.lastN }),
      })
      session = new CallSession({ connection, roomId, device, choice, joined: joined as Joined, stops })
    } catch (error) {
      for (const stop of stops) stop()
      throw error
    }
    for (const act of early) act()
    return session
  }

  private constructor(deps: {
    connection: Connection
    roomId: string
    device: Device
    choice: SessionChoice
    joined: Joined
    stops: (() => void)[]
  }) {
    super()
    const { connection, roomId, device, choice, joined, stops } = deps
    this.#connection = connection
    this.#device = device
    this.#choice = choice
    this.joined = joined
    this.#ids = { roomId, participantId: joined.participantId }
    this.viewing = new Viewing({
      prefer: (consumerId, preference) =>
        connection.request('consumer:prefer', { ...this.#ids, consumerId, ...preference }),
      pause: consumerIds => connection.request('consumer:pause', { ...this.#ids, consumerIds }),
      resume: consumerIds => connection.request('consumer:resume', { ...this.#ids, consumerIds }),
    })
    this.#stops.push(...stops, () => this.viewing.close())
    this.#send = device.createSendTransport(this.#optionsOf(joined.sendTransport))
    this.#receive = device.createRecvTransport(this.#optionsOf(joined.receiveTransport))
    this.#wire(this.#send)
    this.#wire(this.#receive)
    this.#send.on('produce', ({ kind, rtpParameters, appData }, done, failed) => {
      const { source, paused } = appData as { source: TrackSource; paused: boolean }
      connection
        .request('producer:create', {
          ...this.#ids,
          transportId: this.#send.id,
          source,
          kind,
          rtpParameters: rtpParameters as unknown as RequestData<'producer:create'>['rtpParameters'],
          paused,
        })
        .then(({ producerId }) => done({ id: producerId }), failed)
    })
  }

  get participantId(): string {
    return this.#ids.participantId
  }

  get received(): Received[] {
    return [...this.#received.values()]
  }

  /** The browser's figures of now, and what they are of. */
  async read(): Promise<Reading | undefined> {
    if (this.#closed) return undefined
    const [receive, send] = await Promise.all([this.#receive.getStats(), this.#send.getStats()])
    const sent = Array.from(this.#producers.values(), producer => ({
      source: (producer.appData as { source: TrackSource }).source,
      producer,
    }))
    return { received: this.received, sent, receive, send }
  }

  /** Begins to receive what was published before we came. */
  start(): Promise<void> {
    return this.receive(this.joined.consumers)
  }

  /** Publishes a track. The caller keeps it: closing the producer does not stop it. */
  async publish(source: TrackSource, track: MediaStreamTrack, paused: boolean): Promise<types.Producer> {
    const producer = await this.#send.produce({
      ...sendOptions(source, track, this.#device.sendRtpCapabilities, this.#choice),
      track,
      stopTracks: false,
      appData: { source, paused },
    })
    if (paused) producer.pause()
    this.#producers.set(producer.id, producer)
    return producer
  }

  /** Pauses or resumes a producer here and on the server. */
  async setPaused(producer: types.Producer, paused: boolean): Promise<void> {
    if (paused) producer.pause()
    else producer.resume()
    const request = { ...this.#ids, producerId: producer.id }
    await this.#connection.request(paused ? 'producer:pause' : 'producer:resume', request)
  }

  async unpublish(producer: types.Producer): Promise<void> {
    producer.close()
    this.#producers.delete(producer.id)
    await this.#connection.request('producer:close', { ...this.#ids, producerId: producer.id })
  }

  /** Consumes, then asks for all of it to flow in one request. */
  async receive(offers: readonly ConsumerOptions[]): Promise<void> {
    // An offer may come twice: in the answer to joining, and as a notice that overtook it.
    const fresh = offers.filter(offer => !this.#taken.has(offer.id))
    for (const offer of fresh) this.#taken.add(offer.id)
    const made = await Promise.allSettled(fresh.map(offer => this.#consume(offer)))
    const arrived = made.flatMap(result => (result.status === 'fulfilled' ? (result.value ?? []) : []))
    if (arrived.length === 0 || this.#closed) return
    const isPicture = ({ consumer }: Received) => consumer.kind === 'video'
    const sounds = arrived.filter(received => !isPicture(received)).map(({ consumer }) => consumer.id)
    const pictures = arrived
      .filter(isPicture)
      .map(({ consumer, participantId, source }) => ({ consumerId: consumer.id, participantId, source }))
    const consumerIds = [...sounds, ...this.viewing.arrived(pictures)]
    if (consumerIds.length === 0) return
    await this.#connection.request('consumer:resume', { ...this.#ids, consumerIds })
  }

  /** Says good-bye, then closes. */
  async leave(): Promise<void> {
    const goodbye = this.#connection.request('call:leave', this.#ids).catch(() => undefined)
    this.close()
    await goodbye
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const stop of this.#stops) stop()
    this.#send.close()
    this.#receive.close()
    this.removeAllListeners()
  }

  async #consume(offer: ConsumerOptions): Promise<Received | undefined> {
    const { id, producerId, participantId, source, kind, rtpParameters } = offer
    const consumer = await this.#receive.consume({
      id,
      producerId,
      kind,
      rtpParameters: rtpParameters as types.RtpParameters,
      // One stream per participant keeps lips and voice together; a screen is apart.
      streamId: `${participantId}-${source.startsWith('screen') ? 'screen' : 'user'}`,
    })
    if (this.#closed) return undefined
    const received = { participantId, source, consumer, held: offer.held ?? false }
    this.#received.set(id, received)
    this.emit('received', received)
    return received
  }

  #take(offer: ConsumerOptions): void {
    this.receive([offer]).catch(thrown => {
      const error = toTrunklineError(thrown)
      // Anything else is mended by the reconnect that is about to come.
      if (error.code === 'not_in_call') this.#lose(error.message)
    })
  }

  #drop(consumerId: string): void {
    const received = this.#received.get(consumerId)
    if (!received) return
    this.#received.delete(consumerId)
    this.viewing.gone(consumerId)
    received.consumer.close()
    this.emit('ended', received)
  }

  #hold(consumerId: string, held: boolean): void {
    const received = this.#received.get(consumerId)
    if (!received) return
    received.held = held
    this.emit('held', received)
  }

  #limit(producerId: string, maxSpatialLayer: number): void {
    const producer = this.#producers.get(producerId)
    if (producer) void limitSending(producer, maxSpatialLayer)
  }

  #lose(reason: string): void {
    if (!this.#closed) this.emit('lost', reason)
  }

  #optionsOf(options: TransportOptions): types.TransportOptions {
    return { ...(options as unknown as types.TransportOptions), iceServers: this.joined.iceServers }
  }

  #wire(transport: types.Transport): void {
    const of = { ...this.#ids, transportId: transport.id }
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      this.#connection.request('transport:connect', { ...of, dtlsParameters }).then(done, failed)
    })
    const restart = async () => {
      const { iceParameters, iceServers } = await this.#connection.request('transport:restart', of)
      // A relay is allocated anew, and the credential the call began with may have expired.
      await transport.updateIceServers({ iceServers: iceServers as RTCIceServer[] })
      return iceParameters as types.IceParameters
    }
    this.#stops.push(keepTransport(transport, restart, reason => this.#lose(reason)))
  }
}
