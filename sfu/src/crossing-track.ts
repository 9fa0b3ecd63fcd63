import { Demand } from './layers.ts'
import type { CarriedTrack } from './pipe.ts'

type Viewer = { readonly wantedLayer: number }

/**
 * A track at another place than its own. All its layers cross, those that somebody somewhere wants; nothing does while
 * nobody there wants any.
 */
export class CrossingTrack {
  readonly #carried: CarriedTrack
  readonly #demand: Demand
  /** Changes of the engine's consumer, one after another. */
  #applying: Promise<void> = Promise.resolve()

  /** @param viewers those at that place, as they are when asked */
  constructor(carried: CarriedTrack, viewers: Iterable<Viewer>) {
    this.#carried = carried
    this.#demand = new Demand({ top: 0, viewers, tell: layer => this.#setFlowing(layer >= 0) })
  }

  get closed(): boolean {
    return this.#carried.to.closed
  }

  /** To be called whenever a viewer comes, goes, or wants something else. */
  look(): void {
    this.#demand.look()
  }

  close(): void {
    this.#demand.close()
    this.#carried.from.close()
    this.#carried.to.close()
  }

  #setFlowing(flows: boolean): void {
    const { from } = this.#carried
    this.#applying = this.#applying
      .then(async () => {
        if (!from.closed) await (flows ? from.resume() : from.pause())
      })
      // Fails with the transport or the worker only, which whoever ends them has said.
      .catch(() => undefined)
  }
}
