/** How far behind the highest counter seen one may still come: some 20 s of sound. Pictures of several sizes share counters. */
const SIZE = 1_024

/** Which counters have come: each is taken once, and none that is too old. */
export class ReplayWindow {
  readonly #seen = new Uint8Array(SIZE)
  #highest: number

  /** @param highest what was seen already, by somebody who kept no record of the others: the oldest are refused */
  constructor(highest = -1) {
    this.#highest = highest
  }

  get highest(): number {
    return this.#highest
  }

  /** Whether it is neither too old nor a repetition. */
  accepts(counter: number): boolean {
    if (counter > this.#highest) return true
    return counter > this.#highest - SIZE && this.#seen[counter % SIZE] === 0
  }

  /** To be called for what was authenticated only. */
  take(counter: number): void {
    if (counter > this.#highest) {
      const from = Math.max(this.#highest + 1, counter - SIZE + 1)
      for (let missed = from; missed < counter; missed += 1) this.#seen[missed % SIZE] = 0
      this.#highest = counter
    }
    this.#seen[counter % SIZE] = 1
  }
}
