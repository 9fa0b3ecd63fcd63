import { KeyRing } from './key-ring.ts'

/** The secrets of a call: one's own, and where every sender has a key of its own, each of theirs. */
export class KeyRings {
  /** What one seals with; with one key for all also what opens. */
  readonly own: KeyRing
  readonly #now: () => number
  #others: Map<string, KeyRing> | undefined

  constructor(now: () => number = Date.now) {
    this.#now = now
    this.own = new KeyRing(now)
  }

  /** From now on one's own secret opens nothing of anybody else. */
  separate(): void {
    this.#others ??= new Map()
  }

  /** Whether every sender has a key of its own. */
  get separated(): boolean {
    return this.#others !== undefined
  }

  /** What opens what this participant sends. */
  of(participantId: string): KeyRing {
    if (!this.#others) return this.own
    const ring = this.#others.get(participantId) ?? new KeyRing(this.#now)
    this.#others.set(participantId, ring)
    return ring
  }
}
