import { type DataConsumerOptions, type DataDelivery, LIMITS } from '@trunkline/protocol'
import type { types } from 'mediasoup-client'
import type { Connection } from './connection.ts'
import type { CallEncryption } from './encryption/call-encryption.ts'
import { SEAL_BYTES } from './encryption/sframe.ts'

/** Bytes of one sender. `streamId` is another one each time the sender begins anew. */
export type Data = { participantId: string; streamId: string; delivery: DataDelivery; bytes: Uint8Array }

type Deps = {
  connection: Connection
  ids: { roomId: string; participantId: string }
  send: types.Transport
  receive: types.Transport
  /** What everything is sealed and opened with, in calls that are encrypted. */
  cipher: CallEncryption | undefined
}

const STREAMS: Record<DataDelivery, types.DataProducerOptions> = {
  reliable: { ordered: true },
  lossy: { ordered: false, maxRetransmits: 0 },
}

/** Marks a channel that the browser alone knows of. */
const IDLE = { idle: true }
/** Its stream to us: the last that Chromium has, for the server takes those from 0. */
const IDLE_STREAM = 1_023

/** Data over one pair of transports: at most one stream of each delivery to send by, and everybody's to receive. */
export class DataLink {
  readonly #deps: Deps
  readonly #producers = new Map<DataDelivery, Promise<types.DataProducer>>()
  readonly #consumers = new Map<string, types.DataConsumer>()
  readonly #taken = new Set<string>()
  #listener: ((data: Data) => void) | undefined

  constructor(deps: Deps) {
    this.#deps = deps
    const { connection, ids, send } = deps
    send.on('producedata', ({ sctpStreamParameters, appData }, done, failed) => {
      if (appData === IDLE) return done({ id: 'idle' })
      const { delivery } = appData as { delivery: DataDelivery }
      const { streamId, ordered, maxPacketLifeTime, maxRetransmits } = sctpStreamParameters
      if (streamId === undefined) return failed(new Error('a data channel has a stream'))
      const stream = {
        streamId,
        ...(ordered === undefined ? {} : { ordered }),
        ...(maxPacketLifeTime === undefined ? {} : { maxPacketLifeTime }),
        ...(maxRetransmits === undefined ? {} : { maxRetransmits }),
      }
      connection
        .request('data:produce', { ...ids, transportId: send.id, delivery, sctpStreamParameters: stream })
        .then(({ dataProducerId }) => done({ id: dataProducerId }), failed)
    })
  }

  /**
   * Connects both transports (ICE, DTLS) though there is nothing to send yet, and perhaps nothing to receive: by a channel
   * over which nothing ever goes and of which the server is not told. What fails here is tried again with what comes.
   */
  async warm(): Promise<void> {
    const { send, receive } = this.#deps
    const idle = { id: 'idle', dataProducerId: 'idle', sctpStreamParameters: { streamId: IDLE_STREAM } }
    await Promise.allSettled([
      send.produceData({ appData: IDLE }),
      ...(receive.connectionState === 'new' ? [receive.consumeData(idle)] : []),
    ])
  }

  /** The stream to send by, opened with the first that needs it. */
  stream(delivery: DataDelivery): Promise<types.DataProducer> {
    const known = this.#producers.get(delivery)
    if (known) return known
    const opened = this.#open(delivery)
    this.#producers.set(delivery, opened)
    opened.catch(() => this.#producers.delete(delivery))
    return opened
  }

  async #open(delivery: DataDelivery): Promise<types.DataProducer> {
    const producer = await this.#deps.send.produceData({ ...STREAMS[delivery], appData: { delivery } })
    producer.on('close', () => this.#producers.delete(delivery))
    producer.on('transportclose', () => this.#producers.delete(delivery))
    if (producer.readyState === 'open') return producer
    return new Promise((resolve, reject) => {
      producer.once('open', () => resolve(producer))
      producer.once('close', () => reject(new Error('the data channel was closed before it opened')))
      producer.once('transportclose', () => reject(new Error('the connection of the call was closed')))
    })
  }

  /** The most that one message may have. */
  get messageBytes(): number {
    return LIMITS.dataMessageBytes - (this.#deps.cipher ? SEAL_BYTES : 0)
  }

  /**
   * Hands bytes to a stream, sealed when the call is encrypted, in the order of asking. False when they cannot be: there is
   * no key yet, or the stream was closed meanwhile.
   */
  async send(stream: types.DataProducer, delivery: DataDelivery, bytes: Uint8Array): Promise<boolean> {
    const { cipher, ids } = this.#deps
    const of = { participantId: ids.participantId, stream: delivery }
    const sent = cipher ? await cipher.sealData(of, bytes) : bytes
    if (!sent || stream.closed) return false
    stream.send(sent as Uint8Array<ArrayBuffer>)
    return true
  }

  /** Hears everybody's data from now on. */
  async listen(listener: (data: Data) => void): Promise<void> {
    this.#listener = listener
    await this.look()
  }

  /** Where somebody listens: receives what notices that were lost told of. */
  async look(): Promise<void> {
    if (!this.#listener) return
    const { consumers } = await this.#deps.connection.request('data:receive', this.#deps.ids)
    await this.take(consumers)
  }

  /** Receives more senders' data, apart from those it receives already, and says so. */
  async take(offers: readonly DataConsumerOptions[]): Promise<void> {
    // An offer may come twice: in an answer, and as a notice that overtook it.
    const fresh = offers.filter(({ id }) => this.#listener && !this.#taken.has(id))
    if (fresh.length === 0) return
    for (const { id } of fresh) this.#taken.add(id)
    const made = await Promise.allSettled(fresh.map(offer => this.#consume(offer)))
    const consumerIds = fresh.filter((_, n) => made[n]?.status === 'fulfilled').map(({ id }) => id)
    if (consumerIds.length === 0) return
    try {
      await this.#deps.connection.request('data:resume', { ...this.#deps.ids, consumerIds })
    } catch (error) {
      // Offered again, they are taken again.
      for (const id of consumerIds) this.drop(id)
      throw error
    }
  }

  async #consume(offer: DataConsumerOptions): Promise<void> {
    const { id, dataProducerId, participantId, delivery } = offer
    const sctpStreamParameters = offer.sctpStreamParameters as types.SctpStreamParameters
    const consumer = await this.#deps.receive.consumeData({ id, dataProducerId, sctpStreamParameters })
    this.#consumers.set(id, consumer)
    consumer.on('message', (data: ArrayBuffer | Blob | string) => {
      if (!(data instanceof ArrayBuffer)) return
      const tell = (bytes: Uint8Array | undefined) => {
        if (bytes) this.#listener?.({ participantId, streamId: dataProducerId, delivery, bytes })
      }
      const { cipher } = this.#deps
      const bytes = new Uint8Array(data)
      if (!cipher) tell(bytes)
      else cipher.openData({ participantId, stream: delivery }, bytes).then(tell, () => undefined)
    })
  }

  drop(consumerId: string): void {
    this.#consumers.get(consumerId)?.close()
    this.#consumers.delete(consumerId)
    this.#taken.delete(consumerId)
  }
}
