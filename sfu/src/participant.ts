import { isDeepStrictEqual } from 'node:util'
import {
  LIMITS,
  type Participant as PublicParticipant,
  type TrackSource,
  TrunklineError,
} from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Call } from './call.ts'
import type { Consumer } from './consumer.ts'
import type { Producer } from './producer.ts'
import { notFound, notInCall } from './refusals.ts'
import type { SfuSettings } from './settings.ts'
import { Transport } from './transport.ts'

/** Two cameras or microphones of one person are a mistake; two shared windows are not. */
const ONE_OF: ReadonlySet<TrackSource> = new Set(['camera', 'mic'])

export type ParticipantOptions = {
  id: string
  userId: string
  name: string
  rtpCapabilities: types.RtpCapabilities
}

type ProducerOnTheWay = { source: TrackSource; requested: types.RtpParameters; created: Promise<Producer> }

/** Somebody in a call: two transports, what they publish and what they receive. */
export class Participant {
  readonly id: string
  readonly userId: string
  readonly name: string
  readonly joinedAt = new Date()
  readonly rtpCapabilities: types.RtpCapabilities
  readonly call: Call
  readonly sendTransport: Transport
  readonly receiveTransport: Transport
  readonly producers = new Map<string, Producer>()
  readonly consumers = new Map<string, Consumer>()
  /** Of how many cameras it wants the latest speakers only; all when undefined. */
  lastN: number | undefined
  /** Producers on their way: they count already. */
  readonly creating = new Set<ProducerOnTheWay>()
  /** Whether the answer to its join is given: consumers before that are part of the answer. */
  answered = false
  closed = false

  private constructor(
    options: ParticipantOptions,
    call: Call,
    sendTransport: Transport,
    receiveTransport: Transport,
  ) {
    this.id = options.id
    this.userId = options.userId
    this.name = options.name
    this.rtpCapabilities = options.rtpCapabilities
    this.call = call
    this.sendTransport = sendTransport
    this.receiveTransport = receiveTransport
  }

  static async create(options: ParticipantOptions, call: Call, settings: SfuSettings): Promise<Participant> {
    const create = (direction: 'send' | 'receive') =>
      Transport.create({ router: call.router, server: call.worker.server, direction, settings })
    const [send, receive] = await Promise.allSettled([create('send'), create('receive')])
    if (send.status === 'fulfilled' && receive.status === 'fulfilled') {
      return new Participant(options, call, send.value, receive.value)
    }
    for (const result of [send, receive]) if (result.status === 'fulfilled') result.value.engine.close()
    throw send.status === 'rejected' ? send.reason : (receive as PromiseRejectedResult).reason
  }

  assertAndGetTransport(id: string): Transport {
    for (const transport of [this.sendTransport, this.receiveTransport]) {
      if (transport.id === id) return transport
    }
    throw notFound('transport', id)
  }

  assertAndGetProducer(id: string): Producer {
    const producer = this.producers.get(id)
    if (!producer) throw notFound('producer', id)
    return producer
  }

  assertAndGetConsumer(id: string): Consumer {
    const consumer = this.consumers.get(id)
    if (!consumer) throw notFound('consumer', id)
    return consumer
  }

  /**
   * Publishes a track. The same parameters again are a retry and give the same producer.
   * @param create makes it, when it is not there and not on its way
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
    this.#assertMayPublish(source)
    const entry = { source, requested, created: create() }
    this.creating.add(entry)
    try {
      const producer = await entry.created
      // Left, or lost its worker, in the meantime.
      if (this.closed) throw notInCall(this.id)
      this.producers.set(producer.id, producer)
      return producer
    } finally {
      this.creating.delete(entry)
    }
  }

  /**
   * Whether one more track of this source may be published.
   * @throws TrunklineError `limit_reached` or `conflict`
   */
  #assertMayPublish(source: TrackSource): void {
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
      joinedAt: this.joinedAt.toISOString(),
      tracks: Array.from(this.producers.values(), producer => producer.track()),
    }
  }
}
