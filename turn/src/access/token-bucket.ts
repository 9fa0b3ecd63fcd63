/**
 * Lets so many bytes pass per second, with one second of burst. The clock is read only when what was saved up is used
 * up, so a packet within the limit costs one comparison and one subtraction.
 */
export class TokenBucket {
  #rate: number
  #credit: number
  #filledAt = Date.now()

  /** @param rate bytes per second */
  constructor(rate: number) {
    this.#rate = rate
    this.#credit = rate
  }

  /** Whether so many bytes may pass now; if so they are taken. */
  spend(bytes: number): boolean {
    if (this.#credit < bytes) {
      this.#fill()
      if (this.#credit < bytes) return false
    }
    this.#credit -= bytes
    return true
  }

  /** Takes back what was spent on a packet that did not pass after all. */
  giveBack(bytes: number): void {
    this.#credit += bytes
  }

  /** From now on another rate: what was saved up beyond its one second is lost, so no sum of shares exceeds the whole. */
  setRate(rate: number): void {
    this.#fill()
    this.#rate = rate
    this.#credit = Math.min(rate, this.#credit)
  }

  /** Takes away what was saved up. */
  empty(): void {
    this.#credit = 0
    this.#filledAt = Date.now()
  }

  #fill(): void {
    const now = Date.now()
    // A clock set back fills nothing; it must not take away either.
    const elapsed = Math.max(0, now - this.#filledAt)
    this.#credit = Math.min(this.#rate, this.#credit + (elapsed * this.#rate) / 1000)
    this.#filledAt = now
  }
}
