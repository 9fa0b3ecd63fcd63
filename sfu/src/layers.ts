import type { types } from 'mediasoup'
import { parseScalabilityMode } from 'mediasoup'

/**
 * How long less has to be wanted before the sender is told, milliseconds: people who leaf through a list of pictures
 * must not make an encoder stop and start at each.
 */
const LESS_AFTER_MS = 1_000

/** The highest spatial layer a track can have, from 0: one per encoding (simulcast), or as its mode says (SVC). */
export const topLayerOf = ({ encodings = [] }: types.RtpParameters): number => {
  if (encodings.length > 1) return encodings.length - 1
  const mode = encodings[0]?.scalabilityMode
  return mode === undefined ? 0 : parseScalabilityMode(mode).spatialLayers - 1
}

/** What a viewer wants of a track: its highest spatial layer, or -1 for nothing. */
type Viewer = { readonly wantedLayer: number }

/**
 * What all viewers of a track want together, so that its sender encodes no more than that. More is told at once: the
 * encoder begins with a key frame by itself. Less is told after it has lasted.
 */
export class Demand {
  readonly #top: number
  readonly #viewers: Iterable<Viewer>
  readonly #tell: (maxSpatialLayer: number) => void
  #told: number
  #timer: NodeJS.Timeout | undefined

  /** @param options.tell told the highest layer that is wanted, -1 for none, whenever that changes */
  constructor(options: {
    top: number
    viewers: Iterable<Viewer>
    tell: (maxSpatialLayer: number) => void
  }) {
    this.#top = options.top
    this.#viewers = options.viewers
    this.#tell = options.tell
    // Senders begin with all they have.
    this.#told = options.top
  }

  /** What the sender was told last. */
  get told(): number {
    return this.#told
  }

  /** To be called whenever a viewer comes, goes, or wants something else. */
  look(): void {
    const wanted = this.#wanted()
    if (wanted < this.#told) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined
        this.#set(this.#wanted())
      }, LESS_AFTER_MS).unref()
      return
    }
    this.close()
    this.#set(wanted)
  }

  /** Says it once more, to a sender that may have missed it. */
  repeat(): void {
    this.#tell(this.#told)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wanted(): number {
    let wanted = -1
    for (const viewer of this.#viewers) wanted = Math.max(wanted, Math.min(viewer.wantedLayer, this.#top))
    return wanted
  }

  #set(wanted: number): void {
    if (wanted === this.#told) return
    this.#told = wanted
    this.#tell(wanted)
  }
}
