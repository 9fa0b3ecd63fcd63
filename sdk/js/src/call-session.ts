import {
  type Call as CallInfo,
  type ConsumerOptions,
  type EncryptionKeys,
  type KeyMessage,
  type NoticeData,
  type NoticeName,
  type PreparedCall,
  type RequestData,
  type Track,
  type TrackSource,
  type TransportOptions,
  TrunklineError,
} from '@trunkline/protocol'
import type { Device, types } from 'mediasoup-client'
import type { Connection, ConnectionEvents } from './connection.ts'
import { DataLink } from './data-link.ts'
import { Emitter } from './emitter.ts'
import { type SendChoice, sendOptions } from './encodings.ts'
import type { CallEncryption } from './encryption/call-encryption.ts'
import { toTrunklineError } from './errors.ts'
import { type KeptTransport, keepTransport } from './ice-keeper.ts'
import type { StatsReading } from './quality.ts'
import { limitSending } from './sending.ts'
import { Viewing } from './viewing.ts'

/** A track that arrives, and whose it is. */
export type Received = {
  participantId: string
  source: TrackSource
  consumer: types.Consumer
  /** It does not flow, because others spoke later (`lastN`). */
  held: boolean
  /** With whose keys it is encrypted end to end; absent when it is not. */
  keys?: EncryptionKeys
}

type Loss = { reason: string; renew: boolean }

type SessionEvents = {
  received: [Received]
  ended: [Received]
  /** It stopped flowing because others spoke later (`lastN`), or flows again. */
  held: [Received]
  /** Only resuming can help; on other transports when `renew` says so. */
  lost: [Loss]
}

type ForParticipant = Extract<
  NoticeName,
  | 'consumer:added'
  | 'consumer:closed'
  | 'consumer:held'
  | 'data:added'
  | 'data:closed'
  | 'key:sent'
  | 'call:lost'
  | 'producer:limited'
>
/** `call`: of who has joined. */
type Answer = PreparedCall & { call?: CallInfo; iceServers: RTCIceServer[] }

type Of = { connection: Connection; roomId: string; device: Device; choice: SessionChoice }
type Capabilities = RequestData<'call:join'>['rtpCapabilities']

/**
 * How one sends, of how many cameras one receives only the latest speakers' (all when left out), and what everything is
 * sealed and opened with.
 */
export type SessionChoice = SendChoice & { lastN?: number; cipher?: CallEncryption }

/**
 * One pair of transports of a participant, and what flows through them. It outlives the socket; when the server lost the
 * transports, resuming gives another session of the same participant.
 */
export class CallSession extends Emitter<SessionEvents> {
  readonly #connection: Connection
  readonly #device: Device
  readonly #ids: { roomId: string; participantId: string }
  readonly #send: types.Transport
  readonly #receive: types.Transport
  readonly #kept: KeptTransport[]
  readonly #received = new Map<string, Received>()
  /** Consumers that are being made, by id. */
  readonly #making = new Map<string, Promise<Received | undefined>>()
  /** A notice that one has ended may overtake its making, and the offer of it. */
  readonly #ended = new Set<string>()
  readonly #producers = new Map<string, types.Producer>()
  readonly #stops: (() => void)[] = []
  /** Ends the hearing of notices; what arrived stays. Undefined of one that hears none any more. */
  #ear: (() => void) | undefined
  #choice: SessionChoice
  /** What is not sound or picture. */
  readonly data: DataLink
  /** What of the arriving pictures is looked at. */
  readonly viewing: Viewing
  #answer: Answer
  /** The server did not hear how to connect: these transports never will. */
  #broken = false
  #lost: Loss | undefined
  /** Of what arrived, what was asked for with joining: it flows. */
  #flowing: ReadonlySet<string> = new Set()
  #closed = false

  /**
   * Connects without joining: nobody sees it, and nothing flows until `enter()`.
   * @throws TrunklineError the server's refusal
   */
  static prepare(
    connection: Connection,
    roomId: string,
    device: Device,
    choice: SessionChoice = {},
  ): Promise<CallSession> {
    const rtpCapabilities = device.recvRtpCapabilities as Capabilities
    return CallSession.#open({ connection, roomId, device, choice }, () =>
      connection.request('call:prepare', { roomId, rtpCapabilities }),
    )
  }

  /**
   * Joins: one round trip. Tracks begin to arrive after `start()`.
   * @param prepared is taken when the server still has it
   * @throws TrunklineError the server's refusal
   */
  static join(
    connection: Connection,
    roomId: string,
    device: Device,
    choice: SessionChoice = {},
    prepared?: CallSession,
  ): Promise<CallSession> {
    const rtpCapabilities = device.recvRtpCapabilities as Capabilities
    return CallSession.#open(
      { connection, roomId, device, choice },
      () =>
        connection.request('call:join', {
          roomId,
          rtpCapabilities,
          ...(prepared
            ? { participantId: prepared.participantId, consumerIds: [...prepared.#received.keys()] }
            : {}),
          ...(choice.lastN === undefined ? {} : { lastN: choice.lastN }),
          ...(choice.cipher && { encryption: choice.cipher.shown }),
        }),
      prepared,
    )
  }

  /**
   * Comes back as the same participant. Gives this session when its transports still run, else another.
   * @param renew the transports do not connect any more: others are wanted
   * @throws TrunklineError `not_in_call` when it is too late
   */
  resume(renew: boolean): Promise<CallSession> {
    const { roomId, participantId } = this.#ids
    const rtpCapabilities = this.#device.recvRtpCapabilities as Capabilities
    const { resumeKey } = this.#answer
    return CallSession.#open(
      { connection: this.#connection, roomId, device: this.#device, choice: this.#choice },
      () =>
        this.#connection.request('call:resume', {
          roomId,
          participantId,
          resumeKey,
          rtpCapabilities,
          ...(renew || this.#broken ? { renew: true } : {}),
        }),
      this,
    )
  }

  /** @param earlier the answer may be of its transports: then it goes on, and nothing new is made */
  static async #open(of: Of, ask: () => Promise<unknown>, earlier?: CallSession): Promise<CallSession> {
    // Notices may overtake the answer; they wait until it is known whom they are for.
    const early: (() => void)[] = []
    let session: CallSession | undefined
    const stops: (() => void)[] = []
    const deafen = () => {
      for (const stop of stops.splice(0)) stop()
    }
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
      stops.push(of.connection.on(name, listener as (...args: ConnectionEvents[N]) => void))
    }
    hear('consumer:added', (it, { transportId, consumer }) => {
      if (it.#receivesBy(transportId)) it.#take(consumer)
    })
    hear('consumer:closed', (it, { consumerId }) => it.#drop(consumerId))
    hear('consumer:held', (it, { consumerId, held }) => it.#hold(consumerId, held))
    hear('data:added', (it, { transportId, consumer }) => {
      if (it.#receivesBy(transportId)) it.data.take([consumer]).catch(thrown => it.#onMissed(thrown))
    })
    hear('data:closed', (it, { consumerId }) => it.data.drop(consumerId))
    hear('key:sent', (it, { from, text }) => it.#choice.cipher?.hear(from, text))
    hear('call:lost', (it, { reason }) => it.#loseMedia(reason))
    hear('producer:limited', (it, { producerId, maxSpatialLayer }) => it.#limit(producerId, maxSpatialLayer))
    try {
      // What is asked for with joining flows with the answer; what arrives meanwhile is asked for after it.
      const flowing = new Set(earlier?.isJoined === false ? earlier.#received.keys() : [])
      const answer = (await ask()) as Answer
      if (earlier && CallSession.#isSame(earlier, answer)) {
        // It was told that it had lost its media, and has not.
        if (earlier.#ear) deafen()
        else {
          earlier.#ear = deafen
          session = earlier
        }
        earlier.#answer = answer
        earlier.#lost = undefined
        // Who only prepared had not chosen yet.
        earlier.#choice = of.choice
        earlier.#flowing = flowing
        earlier.#mend()
        for (const act of session ? early : []) act()
        return earlier
      }
      // What it has shown stays on the screen until its place is taken.
      if (earlier) earlier.#deafen()
      session = new CallSession(of, answer, deafen)
    } catch (error) {
      deafen()
      throw error
    }
    for (const act of early) act()
    return session
  }

  /** Whether an answer is of the transports of a session. */
  static #isSame(session: CallSession, { participantId, sendTransport, receiveTransport }: Answer): boolean {
    return (
      !session.#closed &&
      participantId === session.participantId &&
      sendTransport.id === session.#send.id &&
      receiveTransport.id === session.#receive.id
    )
  }

  private constructor({ connection, roomId, device, choice }: Of, answer: Answer, deafen: () => void) {
    super()
    this.#connection = connection
    this.#device = device
    this.#choice = choice
    this.#answer = answer
    this.#ear = deafen
    this.#ids = { roomId, participantId: answer.participantId }
    this.viewing = new Viewing({
      prefer: (consumerId, preference) =>
        connection.request('consumer:prefer', { ...this.#ids, consumerId, ...preference }),
      pause: consumerIds => connection.request('consumer:pause', { ...this.#ids, consumerIds }),
      resume: consumerIds =>
        this.#askToFlow(consumerIds).catch(thrown => {
          this.#onMissed(thrown)
          throw thrown
        }),
    })
    this.#stops.push(
      () => this.#deafen(),
      () => this.viewing.close(),
    )
    this.#send = device.createSendTransport(this.#optionsOf(answer.sendTransport))
    this.#receive = device.createRecvTransport(this.#optionsOf(answer.receiveTransport))
    this.data = new DataLink({
      connection,
      ids: this.#ids,
      send: this.#send,
      receive: this.#receive,
      cipher: choice.cipher,
    })
    this.#kept = [this.#wire(this.#send), this.#wire(this.#receive)]
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

  /** Whether it is in the call, and has not only prepared to be. */
  get isJoined(): boolean {
    return this.#answer.call !== undefined
  }

  /** The call as it was when this participant came, or came back. */
  get call(): CallInfo | undefined {
    return this.#answer.call
  }

  /** One's own tracks, as the server had them when this participant came, or came back. */
  get ownTracks(): Track[] {
    return this.call?.participants.find(({ id }) => id === this.participantId)?.tracks ?? []
  }

  /** What was lost since it was made, or resumed: perhaps before anybody listened. */
  get lost(): Loss | undefined {
    return this.#lost
  }

  /** Whether a track still runs, here and on the server. */
  has(producer: types.Producer): boolean {
    return !producer.closed && this.#producers.has(producer.id)
  }

  /** The browser's figures of now, and what they are of. */
  async read(): Promise<StatsReading | undefined> {
    if (this.#closed) return undefined
    const [receive, send] = await Promise.all([this.#receive.getStats(), this.#send.getStats()])
    const sent = Array.from(this.#producers.values(), producer => ({
      source: (producer.appData as { source: TrackSource }).source,
      producer,
    }))
    return { received: this.received, sent, receive, send }
  }

  /**
   * Begins to receive what was published before we came, or goes on; who only prepares also connects what it will send by.
   * @throws TrunklineError when only resuming can help
   */
  async start(): Promise<void> {
    await Promise.all([
      this.#letFlow(this.received, this.#flowing),
      this.receive(this.#answer.consumers),
      this.data.look(),
    ])
    if (!this.isJoined) await this.data.warm()
  }

  /** Publishes a track. The caller keeps it: closing the producer does not stop it. */
  async publish(source: TrackSource, track: MediaStreamTrack, paused: boolean): Promise<types.Producer> {
    const capabilities = this.#device.sendRtpCapabilities
    const options = sendOptions(source, track, capabilities, this.#choice)
    const { cipher } = this.#choice
    const codec = options.codec ?? capabilities.codecs?.find(({ kind }) => kind === track.kind)
    const mimeType = codec?.mimeType ?? ''
    const of = { participantId: this.participantId, stream: source }
    const producer = await this.#send.produce({
      ...options,
      track,
      stopTracks: false,
      ...(cipher && { onRtpSender: sender => cipher.sealTrack(sender, of, mimeType) }),
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

  /** Tells others in the call of keys. Answers who was not told. */
  async sendKeys(messages: KeyMessage[]): Promise<readonly string[]> {
    const { missed } = await this.#connection.request('key:send', { ...this.#ids, messages })
    return missed
  }

  async unpublish(producer: types.Producer): Promise<void> {
    producer.close()
    this.#producers.delete(producer.id)
    await this.#connection.request('producer:close', { ...this.#ids, producerId: producer.id })
  }

  /**
   * Consumes, then asks for all of it to flow in one request; who has not joined only gets ready for it. What is on its way
   * already, since it was prepared or offered by a notice, is waited for.
   * @throws TrunklineError when only resuming can help
   */
  async receive(offers: readonly ConsumerOptions[]): Promise<void> {
    const underWay = offers.flatMap(({ id }) => this.#making.get(id) ?? [])
    const known = [this.#making, this.#received, this.#ended]
    const fresh = offers.filter(({ id }) => !known.some(ids => ids.has(id)))
    const made = await Promise.allSettled(fresh.map(offer => this.#make(offer)))
    await Promise.allSettled(underWay)
    const arrived = made.flatMap(result => (result.status === 'fulfilled' ? (result.value ?? []) : []))
    if (this.#closed) return
    // What the browser cannot take is missing alone; without a way to receive by, everything is.
    if (this.#broken) throw new TrunklineError('unavailable', 'The server did not hear how to send to us.')
    await this.#letFlow(arrived)
  }

  /** Asks for what is wanted of these to flow, apart from what does. */
  async #letFlow(arrived: readonly Received[], flowing: ReadonlySet<string> = new Set()): Promise<void> {
    if (!this.isJoined) return
    const isPicture = ({ consumer }: Received) => consumer.kind === 'video'
    const sounds = arrived.filter(received => !isPicture(received)).map(({ consumer }) => consumer.id)
    const pictures = arrived
      .filter(isPicture)
      .map(({ consumer, participantId, source }) => ({ consumerId: consumer.id, participantId, source }))
    const consumerIds = [...sounds, ...this.viewing.arrived(pictures)].filter(id => !flowing.has(id))
    if (consumerIds.length > 0) await this.#askToFlow(consumerIds)
  }

  async #askToFlow(consumerIds: string[]): Promise<void> {
    try {
      await this.#connection.request('consumer:resume', { ...this.#ids, consumerIds })
    } catch (error) {
      // One of them has ended meanwhile, which is told apart; the others flow.
      if (!(error instanceof TrunklineError && error.code === 'not_found')) throw error
    }
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

  /** What fails may be offered again. */
  #make(offer: ConsumerOptions): Promise<Received | undefined> {
    const making = this.#consume(offer).finally(() => this.#making.delete(offer.id))
    this.#making.set(offer.id, making)
    return making
  }

  /** What is offered by transports that were given up may be heard late: received by others, it would stand in the way. */
  #receivesBy(transportId: string): boolean {
    return transportId === this.#receive.id
  }

  async #consume(offer: ConsumerOptions): Promise<Received | undefined> {
    const { id, producerId, participantId, source, kind, rtpParameters, keys } = offer
    const { cipher } = this.#choice
    const mimeType = (rtpParameters as types.RtpParameters).codecs[0]?.mimeType ?? ''
    const consumer = await this.#receive.consume({
      id,
      producerId,
      kind,
      rtpParameters: rtpParameters as types.RtpParameters,
      // One stream per participant keeps lips and voice together; a screen is apart.
      streamId: `${participantId}-${source.startsWith('screen') ? 'screen' : 'user'}`,
      ...(cipher && {
        onRtpReceiver: receiver => cipher.openTrack(receiver, { participantId, stream: source }, mimeType),
      }),
    })
    if (this.#closed) return undefined
    if (this.#ended.has(id)) {
      consumer.close()
      return undefined
    }
    const received = { participantId, source, consumer, held: offer.held ?? false, ...(keys && { keys }) }
    this.#received.set(id, received)
    this.emit('received', received)
    return received
  }

  #take(offer: ConsumerOptions): void {
    this.receive([offer]).catch(thrown => this.#onMissed(thrown))
  }

  /** What the server did not hear, or has no more, is put right by resuming. */
  #onMissed(thrown: unknown): void {
    const error = toTrunklineError(thrown)
    if (error.retryable || error.code === 'not_in_call') this.#lose(error.message)
  }

  #drop(consumerId: string): void {
    this.#ended.add(consumerId)
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

  #lose(reason: string, renew = false): void {
    if (this.#closed) return
    this.#lost = { reason, renew }
    this.emit('lost', this.#lost)
  }

  #deafen(): void {
    this.#ear?.()
    this.#ear = undefined
  }

  /** The server has none of this any more: nothing it says is of these transports, unless resuming finds them. */
  #loseMedia(reason: string): void {
    this.#deafen()
    this.#lose(reason)
  }

  /** Brings what is here in line with what the server has, after notices and requests may have been lost. */
  #mend(): void {
    const offers = new Map(this.#answer.consumers.map(offer => [offer.id, offer]))
    for (const [id, received] of [...this.#received]) {
      const offer = offers.get(id)
      if (!offer) this.#drop(id)
      else if (received.held !== (offer.held ?? false)) this.#hold(id, offer.held ?? false)
    }
    const own = new Set(this.ownTracks.map(({ producerId }) => producerId))
    for (const [id, producer] of [...this.#producers]) {
      if (own.has(id)) continue
      this.#producers.delete(id)
      producer.close()
    }
    // Its answer was lost, and what it sent with it.
    for (const producerId of own) {
      if (this.#producers.has(producerId)) continue
      this.#connection.request('producer:close', { ...this.#ids, producerId }).catch(() => undefined)
    }
    for (const kept of this.#kept) kept.look()
  }

  #optionsOf(options: TransportOptions): types.TransportOptions {
    return { ...(options as unknown as types.TransportOptions), iceServers: this.#answer.iceServers }
  }

  #wire(transport: types.Transport): KeptTransport {
    const of = { ...this.#ids, transportId: transport.id }
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      this.#connection.request('transport:connect', { ...of, dtlsParameters }).then(done, error => {
        this.#broken = true
        failed(error)
      })
    })
    const restart = async () => {
      const { iceParameters, iceServers } = await this.#connection.request('transport:restart', of)
      // A relay is allocated anew, and the credential the call began with may have expired.
      await transport.updateIceServers({ iceServers: iceServers as RTCIceServer[] })
      return iceParameters as types.IceParameters
    }
    const kept = keepTransport(transport, restart, reason => this.#lose(reason, true))
    this.#stops.push(kept.stop)
    return kept
  }
}
