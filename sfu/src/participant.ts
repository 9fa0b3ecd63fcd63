import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  LIMITS,
  type ParticipantEncryption,
  type Participant as PublicParticipant,
  type Track,
  type TrackSource,
  TrunklineError,
} from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Call } from './call.ts'
import type { Consumer } from './consumer.ts'
import { ParticipantData } from './data.ts'
import { assertMayPublish } from './moderation.ts'
import type { Place } from './place.ts'
import type { Producer } from './producer.ts'
import { notFound, notInCall, unavailable } from './refusals.ts'
import { Seat } from './seat.ts'
import type { SfuSettings } from './settings.ts'
import { Transport } from './transport.ts'

/** Two cameras or microphones of one person are a mistake; two shared windows are not. */
const ONE_OF: ReadonlySet<TrackSource> = new Set(['camera', 'mic'])

export type ParticipantOptions = {
  id: string
  userId: string
  name: string
  rtpCapabilities: types.RtpCapabilities
  /** The socket that speaks for it. */
  connectionId: string
  /** SHA-256 of the resume key it was given by another process, base64url. */
  keyHash?: string
}

/** What a participant sends and receives by. It dies with the worker; the participant does not. */
export type Transports = { place: Place; send: Transport; receive: Transport }

const hashOf = (resumeKey: string): string => createHash('sha256').update(resumeKey).digest('base64url')

/** Random bytes of a resume key: beyond guessing. */
const KEY_BYTES = 24

type ProducerOnTheWay = { source: TrackSource; requested: types.RtpParameters; created: Promise<Producer> }

/**
 * Somebody in a call, or about to come in: two transports, what they publish and what they receive. It outlives the
 * socket that speaks for it and the worker that carries its media, each for a while.
 */
export class Participant {
  readonly id: string
  readonly userId: string
  readonly name: string
  rtpCapabilities: types.RtpCapabilities
  readonly call: Call
  /** Whoever shows it, and is the same user, may speak for this participant. */
  #resumeKey: string
  /** SHA-256 of the resume key, base64url: nobody comes back as somebody else by what is written down of a call. */
  readonly keyHash: string
  connectionId: string
  #transports: Transports | undefined
  /** Undefined while it has only prepared to join: nobody sees it, and nothing flows to it. */
  joinedAt: Date | undefined
  /** Since when nobody speaks for it, or its media are lost. */
  awaySince: Date | undefined
  /** What it published before its worker died: others see its tracks standing still until it publishes them again. */
  lostTracks: Track[] = []
  /** Ends it: as prepared and never joined, or as away for too long. */
  endTimer: NodeJS.Timeout | undefined
  lostTracksTimer: NodeJS.Timeout | undefined
  readonly seat = new Seat()
  readonly data = new ParticipantData(this)
  readonly producers = new Map<string, Producer>()
  readonly consumers = new Map<string, Consumer>()
  /** Of how many cameras it wants the latest speakers only; all when undefined. */
  lastN: number | undefined
  /** How it encrypts what it sends, by its own account. */
  encryption: ParticipantEncryption | undefined
  /** Producers on their way: they count already. */
  readonly creating = new Set<ProducerOnTheWay>()
  /** Whether the answer to its prepare or join is given: consumers before that are part of the answer. */
  answered = false
  /** Nobody speaks for it but its own transport. */
  unattended = false
  /** How many pictures and sounds it is sent by WHEP. */
  shown = 0
  closed = false

  constructor(options: ParticipantOptions, call: Call, transports: Transports | undefined) {
    this.id = options.id
    this.userId = options.userId
    this.name = options.name
    this.rtpCapabilities = options.rtpCapabilities
    this.call = call
    this.connectionId = options.connectionId
    // One that came from another process shows its key when it comes back.
    this.#resumeKey = options.keyHash === undefined ? randomBytes(KEY_BYTES).toString('base64url') : ''
    this.keyHash = options.keyHash ?? hashOf(this.#resumeKey)
    this.transports = transports
  }

  /** Both transports of somebody, at a place of its call. */
  static async openTransports(place: Place, settings: SfuSettings): Promise<Transports> {
    const { router, worker } = place
    const create = (direction: 'send' | 'receive') =>
      Transport.create({ router, server: worker.server, direction, settings })
    const [send, receive] = await Promise.allSettled([create('send'), create('receive')])
    if (send.status === 'fulfilled' && receive.status === 'fulfilled') {
      return { place, send: send.value, receive: receive.value }
    }
    for (const result of [send, receive]) if (result.status === 'fulfilled') result.value.engine.close()
    throw send.status === 'rejected' ? send.reason : (receive as PromiseRejectedResult).reason
  }

  /** Undefined from the death of the worker until the participant has resumed. */
  get transports(): Transports | undefined {
    return this.#transports
  }

  /** Takes it from one place to another, or to none. What was there is for others to close. */
  set transports(transports: Transports | undefined) {
    const left = this.#transports?.place
    this.#transports = transports
    transports?.place.people.add(this)
    if (!left || left === transports?.place) return
    left.people.delete(this)
    this.call.tidy(left)
  }

  /** Streams it sends and receives, as far as it wants them; one that is about to receive wants all there are. */
  streams(tracks: number): number {
    if (!this.answered) return this.producers.size + tracks
    let streams = this.producers.size + this.shown
    for (const consumer of this.consumers.values()) if (consumer.wantedLayer >= 0) streams += 1
    return streams
  }

  /** @throws TrunklineError `unavailable` between the death of its worker and its coming back */
  get sendTransport(): Transport {
    return this.assertAndGetTransports().send
  }

  /** @throws TrunklineError `unavailable` between the death of its worker and its coming back */
  get receiveTransport(): Transport {
    return this.assertAndGetTransports().receive
  }

  /** Whether it is in the call, and not only about to come in. */
  get joined(): boolean {
    return this.joinedAt !== undefined
  }

  /** Whether this user, with this key, may speak for it. */
  isOf(userId: string, resumeKey: string): boolean {
    const [own, shown] = [Buffer.from(this.keyHash), Buffer.from(hashOf(resumeKey))]
    const isOwn = this.userId === userId && own.length === shown.length && timingSafeEqual(own, shown)
    if (isOwn) this.#resumeKey = resumeKey
    return isOwn
  }

  get resumeKey(): string {
    return this.#resumeKey
  }

  /** @throws TrunklineError `not_found`; `unavailable` between the death of its worker and its coming back */
  assertAndGetTransport(id: string): Transport {
    const { send, receive } = this.assertAndGetTransports()
    for (const transport of [send, receive]) {
      if (transport.id === id) return transport
    }
    throw notFound('transport', id)
  }

  /** @throws TrunklineError `unavailable` between the death of its worker and its coming back */
  assertAndGetTransports(): Transports {
    if (!this.transports) throw unavailable('The media of this participant were lost: resume the call.')
    return this.transports
  }

  /** @throws TrunklineError `not_found` */
  assertAndGetProducer(id: string): Producer {
    const producer = this.producers.get(id)
    if (!producer) throw notFound('producer', id)
    return producer
  }

  /** @throws TrunklineError `not_found` */
  assertAndGetConsumer(id: string): Consumer {
    const consumer = this.consumers.get(id)
    if (!consumer) throw notFound('consumer', id)
    return consumer
  }

  /**
   * Publishes a track. The same parameters again are a retry and give the same producer.
   * @param create makes it, when it is not there and not on its way
   * @throws TrunklineError `forbidden` for listeners, `limit_reached` or `conflict` for one too many, `unavailable` when its
   *   media were lost meanwhile
   */
  async publish(
    source: TrackSource,
    requested: types.RtpParameters,
    create: () => Promise<Producer>,
  ): Promise<Producer> {
    const same = (other: { source: TrackSource; requested: types.RtpParameters }) =>
      other.source === source && isDeepStrictEqual(other.requested, requested)
    const existing = [...this.producers.values()].find(same)
    if (existing) return existing
    const onTheWay = [...this.creating].find(same)
    if (onTheWay) return onTheWay.created
    assertMayPublish(this)
    this.#assertOneMore(source)
    const { transports } = this
    const entry = { source, requested, created: create() }
    this.creating.add(entry)
    try {
      const producer = await entry.created
      // Left, or lost its worker, in the meantime.
      if (this.closed) throw notInCall(this.id)
      assertMayPublish(this, producer)
      if (this.transports !== transports) throw unavailable('The media were lost meanwhile: resume the call.')
      this.producers.set(producer.id, producer)
      const lost = this.lostTracks.findIndex(track => track.source === source)
      if (lost >= 0) this.lostTracks.splice(lost, 1)
      return producer
    } finally {
      this.creating.delete(entry)
    }
  }

  /**
   * Whether one more track of this source may be published.
   * @throws TrunklineError `limit_reached` or `conflict`
   */
  #assertOneMore(source: TrackSource): void {
    const limit = LIMITS.producersPerParticipant
    if (this.producers.size + this.creating.size >= limit) {
      throw new TrunklineError('limit_reached', `A participant may publish at most ${limit} tracks.`, {
        details: { limit },
      })
    }
    if (!ONE_OF.has(source)) return
    if ([...this.producers.values(), ...this.creating].some(producer => producer.source === source)) {
      throw new TrunklineError(
        'conflict',
        `This participant publishes a ${source} track already: close it first, or replace its media on the client.`,
      )
    }
  }

  /** As others see it. */
  snapshot(): PublicParticipant {
    return {
      id: this.id,
      userId: this.userId,
      name: this.name,
      joinedAt: (this.joinedAt ?? new Date()).toISOString(),
      ...this.seat.snapshot(),
      tracks: [...Array.from(this.producers.values(), producer => producer.track()), ...this.lostTracks],
      away: this.awaySince !== undefined,
      ...(this.encryption && { encryption: this.encryption }),
    }
  }
}
