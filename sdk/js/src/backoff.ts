/** Growing pauses between attempts: 250 ms doubled up to `maxMs`, with a quarter of jitter so that clients spread out. */
export class Backoff {
  #attempt = 0
  readonly #maxMs: number

  constructor(maxMs = 5_000) {
    this.#maxMs = maxMs
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const ms = Math.min(this.#maxMs, 250 * 2 ** this.#attempt)
    this.#attempt += 1
    return ms * (0.75 + Math.random() / 4)
  }

  reset(): void {
    this.#attempt = 0
  }
}

export const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
