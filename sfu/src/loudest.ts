import type { Heard } from './speaker.ts'

/** So much louder somebody elsewhere has to be to take the word from who has it, dB: about what one hears as louder. */
const LOUDER_DB = 3
/** In so many reports of that place, one after the other, of 300 ms each. */
const PATIENCE = 3

/**
 * Who speaks in a call: at each of its places somebody may, and one of them is the loudest. Within a place its
 * {@link Speaker} decides.
 */
export class Loudest<P extends object> {
  readonly #onChange: (producerId: string | null) => void
  readonly #heard = new Map<P, Heard>()
  /** Where who speaks is. */
  #at: P | undefined
  #told: string | null = null
  #louder: { at: P; times: number } | undefined

  /** @param onChange told the producer of whoever speaks now, or null in silence; only when it changes */
  constructor(onChange: (producerId: string | null) => void) {
    this.#onChange = onChange
  }

  /** What a place hears now; null when it is silent there, or is there no more. */
  hear(at: P, heard: Heard | null): void {
    if (heard) this.#heard.set(at, heard)
    else this.#heard.delete(at)
    const current = this.#at && this.#heard.get(this.#at)
    if (!current) this.#goTo(this.#loudest())
    else if (heard && at !== this.#at) this.#compare(at, heard, current)
    const producerId = (this.#at && this.#heard.get(this.#at)?.producerId) ?? null
    if (producerId === this.#told) return
    this.#told = producerId
    this.#onChange(producerId)
  }

  #compare(at: P, heard: Heard, current: Heard): void {
    if (heard.volume < current.volume + LOUDER_DB) {
      if (this.#louder?.at === at) this.#louder = undefined
      return
    }
    if (this.#louder?.at !== at) this.#louder = { at, times: 0 }
    this.#louder.times += 1
    if (this.#louder.times >= PATIENCE) this.#goTo(at)
  }

  #goTo(at: P | undefined): void {
    this.#at = at
    this.#louder = undefined
  }

  #loudest(): P | undefined {
    let best: P | undefined
    for (const [at, { volume }] of this.#heard) {
      if (!best || volume > (this.#heard.get(best)?.volume ?? volume)) best = at
    }
    return best
  }
}
