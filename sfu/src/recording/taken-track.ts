import type { JournalNote } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { ROUTER_RTP_CAPABILITIES } from '../codecs.ts'
import { endWith } from '../end-with.ts'
import type { Producer } from '../producer.ts'
import { ReportedClock, type SenderReport } from './reported-clock.ts'

/** A packet that is missing for so long will not come any more: the sender is asked for a whole picture, milliseconds. */
const LOST_MS = 500
/** More than this many packets at once are no loss but another beginning. */
const GAP_MAX = 500
const SEQUENCE_NUMBERS = 0x1_0000

export type TakenTrackOptions = {
  number: number
  producer: Producer
  transport: types.DirectTransport
  onPacket: (track: number, packet: Uint8Array) => void
  onNote: (note: JournalNote) => void
  /** What its clock says, by its sender's own account. */
  onReport: (report: SenderReport) => void
}

/** A track of a call as a recording or a stream takes it: its highest layer, packet by packet. */
export class TakenTrack {
  readonly #engine: types.Consumer
  readonly #producer: Producer
  /** Always its highest layer. */
  readonly wantedLayer = Number.POSITIVE_INFINITY
  #latest: number | undefined
  readonly #missing = new Set<number>()
  #lossTimer: NodeJS.Timeout | undefined

  private constructor(engine: types.Consumer, producer: Producer) {
    this.#engine = engine
    this.#producer = producer
  }

  /** Begins paused: nothing comes before {@link setPaused}. */
  static async create({
    number,
    producer,
    transport,
    onPacket,
    onNote,
    onReport,
  }: TakenTrackOptions): Promise<TakenTrack> {
    const engine = await transport.consume({
      producerId: producer.id,
      rtpCapabilities: ROUTER_RTP_CAPABILITIES,
      paused: true,
    })
    const track = new TakenTrack(engine, producer)
    const [codec] = engine.rtpParameters.codecs
    if (!codec) throw new Error('a track without a codec cannot be taken')
    const { participant, source } = producer
    onNote({
      what: 'track',
      track: number,
      participantId: participant.id,
      userId: participant.userId,
      name: participant.name,
      source,
      kind: engine.kind,
      mimeType: codec.mimeType,
      clockRate: codec.clockRate,
      payloadType: codec.payloadType,
      paused: engine.producerPaused,
    })
    const clock = new ReportedClock(codec.clockRate)
    engine.on('rtp', packet => {
      clock.learn(packet.readUInt32BE(4))
      onPacket(number, packet)
      if (engine.kind === 'video') track.#lookForLoss(packet)
    })
    engine.on('producerpause', () => onNote({ what: 'muted', track: number, muted: true }))
    engine.on('producerresume', () => onNote({ what: 'muted', track: number, muted: false }))
    const onTrace = ({ type, info }: types.ProducerTraceEventData) => {
      const report = type === 'sr' && clock.read(info)
      if (report) onReport(report)
    }
    // Direct transports report nothing of their own.
    producer.engine.on('trace', onTrace)
    // It may be gone by now.
    producer.engine.enableTraceEvent(['sr']).catch(() => undefined)
    engine.observer.once('close', () => {
      producer.engine.off('trace', onTrace)
      track.#let()
      onNote({ what: 'ended', track: number })
    })
    endWith(transport, engine)
    return track
  }

  get closed(): boolean {
    return this.#engine.closed
  }

  onClose(listener: () => void): void {
    this.#engine.observer.once('close', listener)
  }

  /** Going on begins with a whole picture. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused) this.#producer.takers.delete(this)
    else this.#producer.takers.add(this)
    this.#producer.demand?.look()
    await (paused ? this.#engine.pause() : this.#engine.resume())
  }

  /** Has its sender send a whole picture, from which on others can be decoded. */
  askForPicture(): void {
    // It may be gone with its sender.
    if (this.#engine.kind === 'video' && !this.#engine.closed)
      this.#engine.requestKeyFrame().catch(() => undefined)
  }

  close(): void {
    this.#engine.close()
  }

  #let(): void {
    clearTimeout(this.#lossTimer)
    this.#producer.takers.delete(this)
    if (!this.#producer.closed) this.#producer.demand?.look()
  }

  /** What was lost on the way is sent again when the engine asks for it; what never comes would spoil all that follows. */
  #lookForLoss(packet: Buffer): void {
    const number = packet.readUInt16BE(2)
    const ahead =
      this.#latest === undefined ? 1 : (number - this.#latest + SEQUENCE_NUMBERS) % SEQUENCE_NUMBERS
    if (ahead === 0 || ahead > SEQUENCE_NUMBERS / 2) {
      this.#missing.delete(number)
      return
    }
    if (this.#latest !== undefined && ahead > 1 && ahead < GAP_MAX) {
      for (let n = 1; n < ahead; n++) this.#missing.add((this.#latest + n) % SEQUENCE_NUMBERS)
      this.#lossTimer ??= setTimeout(() => this.#lookForLost(), LOST_MS)
    }
    this.#latest = number
  }

  #lookForLost(): void {
    this.#lossTimer = undefined
    const isLost = this.#missing.size > 0
    this.#missing.clear()
    if (isLost) this.askForPicture()
  }
}
