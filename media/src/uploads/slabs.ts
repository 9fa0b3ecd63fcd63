import { MEDIA_LIMITS } from '../limits.ts'

/** A piece of memory that is used again and again. */
export type Slab = {
  bytes: Uint8Array
  /** Where it begins in the memory of all. */
  start: number
}

/**
 * The memory through which all uploads pass, whose size is fixed: whoever needs a slab while there is none waits, and its
 * client with it. Other threads see it too.
 */
export class Slabs {
  readonly memory = new SharedArrayBuffer(MEDIA_LIMITS.slabs * MEDIA_LIMITS.slabBytes)
  /** The one that was used last is used next: it is in the processor's caches, and what was never needed takes no memory. */
  readonly #free: Slab[]
  readonly #waiting: (() => void)[] = []

  constructor() {
    const starts = Array.from({ length: MEDIA_LIMITS.slabs }, (_, n) => n * MEDIA_LIMITS.slabBytes)
    this.#free = starts
      .reverse()
      .map(start => ({ start, bytes: new Uint8Array(this.memory, start, MEDIA_LIMITS.slabBytes) }))
  }

  /**
   * @param onFree called, in the order of those who wait, when there is one
   * @returns nothing when all are in use
   */
  take(onFree: () => void): Slab | undefined {
    const slab = this.#free.pop()
    if (!slab) this.#waiting.push(onFree)
    return slab
  }

  release(slab: Slab): void {
    this.#free.push(slab)
    // Whoever has gone meanwhile takes none.
    while (this.#free.length > 0 && this.#waiting.length > 0) this.#waiting.shift()?.()
  }
}
