import type { ConsumerOptions } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Participant } from './participant.ts'
import { plain } from './plain.ts'
import type { Producer } from './producer.ts'

/** A track on its way to one participant. Starts paused: no packet is sent before its receiver can use it. */
export class Consumer {
  readonly engine: types.Consumer
  readonly producer: Producer
  readonly participant: Participant

  private constructor(engine: types.Consumer, producer: Producer, participant: Participant) {
    this.engine = engine
    this.producer = producer
    this.participant = participant
  }

  static async create(producer: Producer, participant: Participant): Promise<Consumer> {
    const engine = await participant.receiveTransport.engine.consume({
      producerId: producer.id,
      rtpCapabilities: participant.rtpCapabilities,
      paused: true,
    })
    return new Consumer(engine, producer, participant)
  }

  get id(): string {
    return this.engine.id
  }

  /** What the client needs to receive it. */
  options(): ConsumerOptions {
    return {
      id: this.id,
      producerId: this.producer.id,
      participantId: this.producer.participant.id,
      source: this.producer.source,
      kind: this.engine.kind,
      rtpParameters: plain(this.engine.rtpParameters),
    }
  }
}
