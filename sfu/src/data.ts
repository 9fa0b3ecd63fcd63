import { within } from '@trunkline/kit'
import {
  type DataConsumerOptions,
  type DataDelivery,
  LIMITS,
  type SfuRequestData,
  TrunklineError,
} from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { endWith } from './end-with.ts'
import { assertMayPublish } from './moderation.ts'
import type { Participant } from './participant.ts'
import { plain } from './plain.ts'
import { Presence } from './presence.ts'
import { refusedAsInvalid } from './refusals.ts'

type Produced = { engine: types.DataProducer; delivery: DataDelivery; presence: Presence<types.DataProducer> }
type Consumed = {
  engine: types.DataConsumer
  /** By which it is received. */
  transportId: string
  from: Participant
  delivery: DataDelivery
  /** Resolves when its receiver can receive it, or it has ended. */
  ready: Promise<void>
  setReady: () => void
}

/** How long who begins to send waits for those who receive to be ready (ms): one of a hundred who is not holds up nobody. */
const READY_MS = 2_000

/**
 * The data a participant sends and receives. What they say is between the clients; here they are forwarded within the
 * worker, or from place to place. Only those receive who asked to: of a hundred people who never open the whiteboard nobody pays for it.
 *
 * Everything ends with the transport it runs over, as the engine tells; nobody else has to tidy up here.
 */
export class ParticipantData {
  readonly #participant: Participant
  readonly #produced = new Map<DataDelivery, Produced>()
  readonly #consumed = new Map<string, Consumed>()
  readonly #creating = new Map<DataDelivery, Promise<Produced>>()
  /** By the producer's id: what is received already, or about to be. */
  readonly #taken = new Set<string>()
  /** The transport by which data are wanted: after a worker's death the client asks anew. */
  #receivesBy: types.WebRtcTransport | undefined

  constructor(participant: Participant) {
    this.#participant = participant
  }

  /**
   * Begins to send; the same again is a retry.
   * @throws TrunklineError `forbidden` for listeners, `conflict` for a second stream of one delivery
   */
  async produce(data: SfuRequestData<'data:produce'>): Promise<{ dataProducerId: string }> {
    const { delivery, transportId } = data
    assertMayPublish(this.#participant)
    if (this.#participant.assertAndGetTransport(transportId).direction !== 'send') {
      throw new TrunklineError(
        'invalid_request',
        'data:produce needs the send transport, not the receive one.',
      )
    }
    const known = this.#produced.get(delivery) ?? (await this.#creating.get(delivery))
    if (known && !known.engine.closed) {
      const { streamId } = known.engine.sctpStreamParameters ?? {}
      if (streamId === data.sctpStreamParameters.streamId) return { dataProducerId: known.engine.id }
      throw new TrunklineError(
        'conflict',
        `This participant has a ${delivery} stream already: send everything by that one.`,
      )
    }
    const creating = this.#create(data)
    this.#creating.set(delivery, creating)
    try {
      const produced = await creating
      await this.#distribute(produced)
      return { dataProducerId: produced.engine.id }
    } finally {
      this.#creating.delete(delivery)
    }
  }

  async #create({ delivery, sctpStreamParameters }: SfuRequestData<'data:produce'>): Promise<Produced> {
    const { place, send } = this.#participant.assertAndGetTransports()
    const engine = await refusedAsInvalid('data:produce', () =>
      send.engine.produceData({
        // Absent and undefined are not the same to the engine.
        sctpStreamParameters: plain(sctpStreamParameters) as types.SctpStreamParameters,
        label: delivery,
      }),
    )
    const presence = new Presence(place, (pipe, to) => pipe.carryData(engine, place, to))
    const produced = { engine, delivery, presence }
    this.#produced.set(delivery, produced)
    engine.observer.once('close', () => {
      if (this.#produced.get(delivery) === produced) this.#produced.delete(delivery)
    })
    endWith(send.engine, engine)
    // A listener by now.
    assertMayPublish(this.#participant, produced)
    return produced
  }

  /** Receives what the others send, from now on. What is received already is told again: the answer may have been lost. */
  async receive(): Promise<{ consumers: DataConsumerOptions[] }> {
    const { call, receiveTransport } = this.#participant
    this.#receivesBy = receiveTransport.engine
    const others = [...call.participants.values()].filter(other => other !== this.#participant)
    const produced = others.flatMap(other =>
      Array.from(other.data.#produced.values(), one => ({ one, from: other })),
    )
    await Promise.all(produced.map(({ one, from }) => this.#consume(one, from)))
    return { consumers: Array.from(this.#consumed.values(), optionsOf) }
  }

  /** Lets these flow: their receiver is ready. Those that ended meanwhile are none of its business any more. */
  async resume(consumerIds: readonly string[]): Promise<Record<string, never>> {
    const consumed = consumerIds.flatMap(id => this.#consumed.get(id) ?? [])
    await Promise.all(
      consumed.map(async ({ engine, setReady }) => {
        await engine.resume()
        setReady()
      }),
    )
    return {}
  }

  /** Sends no more: it has become a listener. */
  silence(): void {
    for (const { engine } of this.#produced.values()) engine.close()
  }

  async #distribute(produced: Produced): Promise<void> {
    const { call, id } = this.#participant
    const { roomId, notices } = call
    const receivers = [...call.participants.values()].filter(
      other => other.id !== id && other.data.#receivesBy,
    )
    const allReady = Promise.all(
      receivers.map(async receiver => {
        const consumed = await receiver.data.#consume(produced, this.#participant)
        if (!consumed) return
        notices.tell('data:added', {
          roomId,
          participantId: receiver.id,
          transportId: consumed.transportId,
          consumer: optionsOf(consumed),
        })
        await consumed.ready
      }),
    )
    await within(READY_MS, allReady, () => new Error('not all receivers are ready')).catch(() => undefined)
  }

  /** A failure is of one receiver and one sender: it is logged, and nobody else's data stop. */
  async #consume({ engine, delivery, presence }: Produced, from: Participant): Promise<Consumed | undefined> {
    const transport = this.#receivesBy
    const { call, transports, id } = this.#participant
    // Its transports are of another worker by now, or it has not asked anew by these.
    if (!transport || !transports || transports.receive.engine !== transport || transport.closed)
      return undefined
    if (engine.closed || this.#taken.has(engine.id)) return undefined
    this.#taken.add(engine.id)
    try {
      const leave = await presence.at(transports.place)
      const consumer = await transport
        .consumeData({
          dataProducerId: engine.id,
          paused: true,
          ...(delivery === 'lossy' ? { ordered: false, maxRetransmits: 0 } : { ordered: true }),
        })
        .catch(error => {
          leave()
          throw error
        })
      const { promise: ready, resolve: setReady } = Promise.withResolvers<void>()
      const consumed = { engine: consumer, transportId: transport.id, from, delivery, ready, setReady }
      this.#consumed.set(consumer.id, consumed)
      consumer.observer.once('close', () => {
        leave()
        setReady()
        this.#consumed.delete(consumer.id)
        this.#taken.delete(engine.id)
      })
      endWith(transport, consumer)
      consumer.once('dataproducerclose', () => {
        call.notices.tell('data:closed', { roomId: call.roomId, participantId: id, consumerId: consumer.id })
      })
      return consumed
    } catch (error) {
      this.#taken.delete(engine.id)
      if (!engine.closed && !transport.closed) {
        call.logger.warn({ err: error, participantId: id, from: from.id }, 'data consumer not created')
      }
      return undefined
    }
  }
}

const optionsOf = ({ engine, from, delivery }: Consumed): DataConsumerOptions => {
  const { sctpStreamParameters } = engine
  if (!sctpStreamParameters) throw new Error('a data consumer of a WebRTC transport has a stream')
  return plain({
    id: engine.id,
    dataProducerId: engine.dataProducerId,
    participantId: from.id,
    delivery,
    sctpStreamParameters,
  })
}

/** What a transport is made with, for data to run over it. */
export const DATA_TRANSPORT = {
  enableSctp: true,
  maxSendMessageSize: LIMITS.dataMessageBytes,
  maxReceiveMessageSize: LIMITS.dataMessageBytes,
  sctpSendBufferSize: LIMITS.dataBacklogBytes,
} as const

/** The same for a pipe, which everybody of a place shares: who sends much is not to make others' data be missed. */
export const DATA_PIPE = {
  ...DATA_TRANSPORT,
  sctpSendBufferSize: 16 * LIMITS.dataBacklogBytes,
  sctpPerStreamSendQueueLimit: 4 * LIMITS.dataBacklogBytes,
} as const
