import type { types } from 'mediasoup'
import { ROUTER_RTP_CAPABILITIES } from '../codecs.ts'
import { endWith } from '../end-with.ts'
import { PreferredLayers } from '../preferred-layers.ts'
import type { Producer } from '../producer.ts'

/** A track of a call on its way to those who watch by WHEP, packet by packet, at its highest layer. It begins with a whole picture. */
export class Feed {
  readonly producer: Producer
  readonly #engine: types.Consumer
  /** By {@link Demand}: what those who watch want of it. */
  readonly wantedLayer = Number.POSITIVE_INFINITY

  private constructor(engine: types.Consumer, producer: Producer) {
    this.#engine = engine
    this.producer = producer
  }

  /**
   * Nothing comes before {@link begin}.
   * @param transport at the place where the track is published
   */
  static async create(
    producer: Producer,
    transport: types.DirectTransport,
    onPacket: (feed: Feed, packet: Buffer) => void,
  ): Promise<Feed> {
    const engine = endWith(
      transport,
      await transport.consume({
        producerId: producer.id,
        rtpCapabilities: ROUTER_RTP_CAPABILITIES,
        paused: true,
      }),
    )
    const feed = new Feed(engine, producer)
    engine.on('rtp', packet => onPacket(feed, packet))
    engine.observer.once('close', () => feed.#let())
    return feed
  }

  /** By which reports name it. */
  get ssrc(): number | undefined {
    return this.#engine.rtpParameters.encodings?.[0]?.ssrc
  }

  get closed(): boolean {
    return this.#engine.closed
  }

  async begin(): Promise<void> {
    if (this.closed) return
    this.producer.takers.add(this)
    this.producer.look()
    if (this.producer.engine.kind === 'video') await this.#chooseLayers()
    if (!this.closed) await this.#engine.resume()
  }

  /** Has its sender send a whole picture, for who has just come or has lost one. */
  askForPicture(): void {
    if (this.closed || this.producer.engine.kind !== 'video') return
    this.#engine.requestKeyFrame().catch(() => undefined)
  }

  close(): void {
    this.#engine.close()
  }

  async #chooseLayers(): Promise<void> {
    const layers = new PreferredLayers(this.#engine)
    const isAv1 = this.#engine.rtpParameters.codecs[0]?.mimeType.toLowerCase() === 'video/av1'
    // What says which layer of AV1 a packet is of does not reach them (Outlet): they could decode no other.
    if (isAv1) await layers.prefer({ spatialLayer: 0 })
    layers.begin()
  }

  #let(): void {
    this.producer.takers.delete(this)
    if (!this.producer.closed) this.producer.look()
  }
}
