import type { Track, TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Consumer } from './consumer.ts'
import { CrossingTrack } from './crossing-track.ts'
import { endWith } from './end-with.ts'
import { Demand, topLayerOf } from './layers.ts'
import type { Participant } from './participant.ts'
import type { Place } from './place.ts'
import { Presence } from './presence.ts'
import { refusedAsInvalid } from './refusals.ts'

/**
 * Least time between two requests for a key frame of one track, milliseconds. libwebrtc ignores one that comes within
 * 300 ms of another, and the engine asks again only after 1 s: of two viewers who came shortly one after the other
 * the second saw its first picture after 1.1 s. Held back until the sender listens again: after 0.3 s.
 */
const KEY_FRAME_REQUEST_MS = 350

export type ProducerOptions = {
  participant: Participant
  source: TrackSource
  kind: types.MediaKind
  rtpParameters: types.RtpParameters
  paused: boolean
}

/** A track a participant publishes. */
export class Producer {
  readonly engine: types.Producer
  readonly participant: Participant
  readonly source: TrackSource
  /** Where it is published. */
  readonly place: Place
  /** Where else it can be received. */
  readonly presence: Presence<CrossingTrack>
  /** As the client sent them, by which a retry is recognised. */
  readonly requested: types.RtpParameters
  /** Everybody's consumers of it. */
  readonly consumers = new Set<Consumer>()
  /** What a recording, a stream, and those who watch by WHEP want of it. */
  readonly takers = new Set<{ readonly wantedLayer: number }>()
  /** What its viewers want of a picture; sound is sent whole. */
  readonly demand: Demand | undefined
  closed = false

  private constructor(engine: types.Producer, place: Place, options: ProducerOptions) {
    this.engine = engine
    this.place = place
    this.presence = new Presence(place, async (pipe, to) => {
      return new CrossingTrack(await pipe.carry(engine, place, to), this.#viewersAt(to))
    })
    this.participant = options.participant
    this.source = options.source
    this.requested = options.rtpParameters
    if (options.kind !== 'video') return
    this.demand = new Demand({
      top: topLayerOf(engine.rtpParameters),
      viewers: { [Symbol.iterator]: () => this.#viewers() },
      tell: maxSpatialLayer => this.#tellLimit(maxSpatialLayer),
    })
  }

  /** @throws TrunklineError `invalid_request` when the engine refuses the parameters */
  static async create(options: ProducerOptions): Promise<Producer> {
    const { participant, kind, rtpParameters, paused } = options
    const { place, send } = participant.assertAndGetTransports()
    const engine = await refusedAsInvalid('producer:create', () =>
      send.engine.produce({
        kind,
        rtpParameters,
        paused,
        keyFrameRequestDelay: KEY_FRAME_REQUEST_MS,
      }),
    )
    return new Producer(endWith(send.engine, engine), place, options)
  }

  get id(): string {
    return this.engine.id
  }

  /** To be called whenever a viewer comes, goes, or wants something else. */
  look(): void {
    this.demand?.look()
    for (const crossing of this.presence.copies) crossing.look()
  }

  /** Whether it is heard is looked at from now on. */
  listen(): Promise<void> {
    return this.place.speaker.add(this.engine)
  }

  /** It was muted, or has ended. */
  quiet(): void {
    this.place.speaker.quiet(this.id)
  }

  #viewersAt(place: Place): Iterable<Consumer> {
    const { consumers } = this
    return {
      *[Symbol.iterator]() {
        for (const consumer of consumers) if (consumer.place === place) yield consumer
      },
    }
  }

  *#viewers(): Generator<{ readonly wantedLayer: number }> {
    yield* this.consumers
    yield* this.takers
  }

  /** The sender need not encode more than this. */
  #tellLimit(maxSpatialLayer: number): void {
    if (this.closed) return
    const { id: participantId, call } = this.participant
    const about = { roomId: call.roomId, participantId, producerId: this.id, maxSpatialLayer }
    call.notices.tell('producer:limited', about)
  }

  track(): Track {
    return { producerId: this.id, source: this.source, paused: this.engine.paused }
  }
}
