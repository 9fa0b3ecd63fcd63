import type { Track, TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Consumer } from './consumer.ts'
import { Demand, topLayerOf } from './layers.ts'
import type { Participant } from './participant.ts'
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
  /** As the client sent them, by which a retry is recognised. */
  readonly requested: types.RtpParameters
  /** Everybody's consumers of it. */
  readonly consumers = new Set<Consumer>()
  /** What its viewers want of a picture; sound is sent whole. */
  readonly demand: Demand | undefined
  closed = false

  private constructor(engine: types.Producer, options: ProducerOptions) {
    this.engine = engine
    this.participant = options.participant
    this.source = options.source
    this.requested = options.rtpParameters
    if (options.kind !== 'video') return
    this.demand = new Demand({
      top: topLayerOf(engine.rtpParameters),
      viewers: this.consumers,
      tell: maxSpatialLayer => this.#tellLimit(maxSpatialLayer),
    })
  }

  /** @throws TrunklineError `invalid_request` when the engine refuses the parameters */
  static async create(options: ProducerOptions): Promise<Producer> {
    const { participant, kind, rtpParameters, paused } = options
    const engine = await refusedAsInvalid('producer:create', () =>
      participant.sendTransport.engine.produce({
        kind,
        rtpParameters,
        paused,
        keyFrameRequestDelay: KEY_FRAME_REQUEST_MS,
      }),
    )
    return new Producer(engine, options)
  }

  get id(): string {
    return this.engine.id
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
