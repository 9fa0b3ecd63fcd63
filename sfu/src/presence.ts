import type { Pipe } from './pipe.ts'
import type { Place } from './place.ts'

type There<T> = { receivers: number; brought: Promise<T>; copy: T | undefined }

/**
 * At which places besides its own something published can be received. It is brought to a place for the first who receives
 * it there, and taken away with the last.
 */
export class Presence<T extends { readonly closed: boolean; close(): void }> {
  readonly #home: Place
  readonly #bring: (pipe: Pipe, to: Place) => Promise<T>
  readonly #there = new Map<Place, There<T>>()

  /** @param bring takes it over a pipe from its home to another place */
  constructor(home: Place, bring: (pipe: Pipe, to: Place) => Promise<T>) {
    this.#home = home
    this.#bring = bring
  }

  /** What stands for it at other places, where it has arrived. */
  get copies(): T[] {
    return Array.from(this.#there.values()).flatMap(({ copy }) => (copy ? [copy] : []))
  }

  /**
   * Resolves when it can be received at this place.
   * @returns what one more receiver there has to call, once, when it has ended
   * @throws Error when it cannot be brought there; then nothing has to be called
   */
  async at(place: Place): Promise<() => void> {
    if (place === this.#home) return () => {}
    const there = this.#there.get(place) ?? this.#begin(place)
    there.receivers += 1
    const leave = () => {
      there.receivers -= 1
      if (there.receivers > 0) return
      if (this.#there.get(place) === there) this.#there.delete(place)
      there.copy?.close()
    }
    try {
      const copy = await there.brought
      if (copy.closed) throw new Error('what was to be received has ended')
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }

  #begin(place: Place): There<T> {
    const there: There<T> = { receivers: 0, brought: this.#fetch(place), copy: undefined }
    this.#there.set(place, there)
    there.brought.then(
      copy => {
        // Nobody waited for it any more.
        if (there.receivers === 0) copy.close()
        else there.copy = copy
      },
      () => {
        // Whoever comes next tries anew.
        if (this.#there.get(place) === there) this.#there.delete(place)
      },
    )
    return there
  }

  async #fetch(place: Place): Promise<T> {
    return this.#bring(await this.#home.pipeTo(place), place)
  }
}
