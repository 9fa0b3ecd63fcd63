import { randomInt } from 'node:crypto'
import { PACKET_MID } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { MEDIA_CODECS } from '../codecs.ts'
import { endWith } from '../end-with.ts'
import { Splice } from './splice.ts'
import type { Viewer } from './viewer.ts'

/** A codec as the player has it, by its payload type. */
export type PlayedCodec = types.RtpCodecCapability & { preferredPayloadType: number }

/** What a player may ask for once it is known here: what was lost, and a whole picture. */
const FEEDBACK: types.RtcpFeedback[] = [
  { type: 'nack', parameter: '' },
  { type: 'nack', parameter: 'pli' },
  { type: 'ccm', parameter: 'fir' },
]

/**
 * Where one picture or one sound goes out to players who chose the payload types: one stream for all who watch the same by the
 * same codec, whoever it comes from.
 *
 * The engine (mediasoup 3.27) sends everything by the payload types of the router, and with header extensions by ids of its
 * own, whether they were agreed on or not. Players that take one of these for what they offered by that id drop the packet.
 * docs/decisions/whep.md says how this gets around both.
 */
export class Outlet {
  readonly codec: PlayedCodec
  readonly #engine: types.Producer
  readonly #transport: types.DirectTransport
  readonly #splice: Splice
  readonly #consumers = new Map<Viewer, types.Consumer>()
  readonly #onPictureAsked: () => void

  private constructor(
    codec: PlayedCodec,
    engine: types.Producer,
    transport: types.DirectTransport,
    splice: Splice,
    onPictureAsked: () => void,
  ) {
    this.codec = codec
    this.#engine = engine
    this.#transport = transport
    this.#splice = splice
    this.#onPictureAsked = onPictureAsked
  }

  /** @param onPictureAsked told when a player cannot go on without a whole picture */
  static async create(
    codec: PlayedCodec,
    router: types.Router,
    transport: types.DirectTransport,
    onPictureAsked: () => void,
  ): Promise<Outlet> {
    const { kind, mimeType, clockRate, channels, parameters = {}, preferredPayloadType: payloadType } = codec
    const ssrc = randomInt(1, 0xffff_ffff)
    // Read while `produce` begins, and not later: whatever else is published meanwhile is so by the router's own.
    router.updateMediaCodecs([{ ...codec, rtcpFeedback: FEEDBACK }])
    let producing: Promise<types.Producer>
    try {
      producing = transport.produce({
        // Of pictures the engine would add two header extensions to each packet.
        kind: 'audio',
        rtpParameters: {
          codecs: [
            { mimeType, payloadType, clockRate, ...(channels === undefined ? {} : { channels }), parameters },
          ],
          encodings: [{ ssrc }],
        },
      })
    } finally {
      router.updateMediaCodecs(MEDIA_CODECS)
    }
    const engine = endWith(transport, await producing)
    // Whoever consumes it is told of a picture, and is listened to when it asks for a whole one.
    if (kind === 'video') Object.defineProperty(engine, 'kind', { value: 'video' })
    return new Outlet(codec, engine, transport, new Splice({ ssrc, payloadType, clockRate }), onPictureAsked)
  }

  get closed(): boolean {
    return this.#engine.closed
  }

  /** Sends it to one more. */
  async serve(viewer: Viewer): Promise<void> {
    const { kind, preferredPayloadType: payloadType, ...codec } = this.codec
    const mid = viewer.mids[kind]
    const consumer = endWith(
      viewer.transport,
      await viewer.transport.consume({
        producerId: this.#engine.id,
        rtpCapabilities: {
          codecs: [{ kind, ...codec, preferredPayloadType: payloadType, rtcpFeedback: FEEDBACK }],
          headerExtensions:
            mid === undefined ? [] : [{ kind, uri: PACKET_MID.uri, preferredId: PACKET_MID.id }],
        },
        // It is written into each packet. Of this length it is none of the header extensions that a player may have by that id.
        mid: mid ?? 'nobody',
        enableRtx: true,
      }),
    )
    if (consumer.closed) return
    this.#consumers.set(viewer, consumer)
    consumer.observer.once('close', () => this.#consumers.delete(viewer))
    if (kind === 'audio') return
    consumer.on('trace', () => this.#onPictureAsked())
    await consumer.enableTraceEvent(['pli', 'fir'])
  }

  /** What comes next comes from elsewhere. */
  cut(): void {
    this.#splice.cut()
  }

  pass(packet: Buffer): void {
    const passed = this.#splice.pass(packet, performance.now())
    if (passed && !this.closed) this.#engine.send(passed)
  }

  /** What the engine says of the clock of the track it comes from, so that players put sound and picture together. */
  report(report: Buffer): void {
    const passed = this.#splice.report(report)
    if (passed && !this.#transport.closed) this.#transport.sendRtcp(passed)
  }

  close(): void {
    this.#engine.close()
  }
}
