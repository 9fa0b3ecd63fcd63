import type { types } from 'mediasoup'

/** Layers at most, from 0. */
type Wish = { spatialLayer?: number | undefined; temporalLayer?: number | undefined }

/**
 * The layers a viewer prefers of a track, told to the engine in an order it can follow.
 *
 * Of VP8 sent as one size in temporal layers (L1T3, what small cameras send) the engine of mediasoup 3.27 drops every
 * picture of the lowest layer until one of the highest it was told to send has come, the key frame it asked for
 * included (`VP8::PayloadDescriptorHandler::Process`: the current layer stays -1). Viewers then wait for a second key
 * frame, or for ever, when the sender marks no picture of the highest layer as one to switch to. So such a track begins
 * with its lowest temporal layer, and what is preferred follows when that one flows.
 */
export class PreferredLayers {
  readonly #engine: types.Consumer
  readonly #beginsLow: boolean
  #preferred: types.ConsumerLayers | undefined
  #told: types.ConsumerLayers | undefined

  constructor(engine: types.Consumer) {
    this.#engine = engine
    this.#preferred = this.#told = engine.preferredLayers
    this.#beginsLow =
      engine.type === 'svc' && engine.rtpParameters.codecs[0]?.mimeType.toLowerCase() === 'video/vp8'
    if (this.#beginsLow) engine.on('layerschange', () => void this.#tell(engine.currentLayers === undefined))
  }

  /** The highest spatial layer that is preferred; undefined for a track without layers. */
  get spatialLayer(): number | undefined {
    return this.#preferred?.spatialLayer
  }

  /** What is left out stays as it was. */
  async prefer({ spatialLayer, temporalLayer }: Wish): Promise<void> {
    const before = this.#preferred
    if (!before) return
    this.#preferred = {
      spatialLayer: spatialLayer ?? before.spatialLayer,
      // Another size comes with all of its pictures, unless said otherwise.
      ...(temporalLayer === undefined ? {} : { temporalLayer }),
    }
    await this.#tell(this.#engine.currentLayers === undefined)
  }

  /** To be called before packets are to flow again. */
  begin(): void {
    void this.#tell(true)
  }

  async #tell(isBeginning: boolean): Promise<void> {
    const { closed } = this.#engine
    if (closed || !this.#preferred) return
    const layers = this.#beginsLow && isBeginning ? { ...this.#preferred, temporalLayer: 0 } : this.#preferred
    const { spatialLayer, temporalLayer } = layers
    if (this.#told?.spatialLayer === spatialLayer && this.#told.temporalLayer === temporalLayer) return
    this.#told = layers
    // Fails with the transport or the worker only, which whoever ends them has said.
    await this.#engine.setPreferredLayers(layers).catch(() => undefined)
  }
}
