/** Past so many the oldest are forgotten, which are most likely those of whoever makes so many. */
const MAX_KEYS = 10_000

/**
 * Counts wrong passwords by address and port, TLS handshakes by address and new allocations by user. Asked only after
 * a valid nonce, or over a connection, so that the client's address can't be forged.
 */
export class Throttle {
  readonly #most: number
  readonly #windowMs: number
  readonly #entries = new Map<string, { count: number; until: number }>()

  /** @param most how often something may be counted in so many seconds before its key is blocked */
  constructor(most: number, windowSeconds: number) {
    this.#most = most
    this.#windowMs = windowSeconds * 1000
  }

  blocked(key: string, now = Date.now()): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    if (entry.until <= now) {
      this.#entries.delete(key)
      return false
    }
    return entry.count >= this.#most
  }

  count(key: string, now = Date.now()): void {
    const entry = this.#entries.get(key)
    if (entry && entry.until > now) {
      entry.count++
      return
    }
    this.#entries.delete(key)
    if (this.#entries.size >= MAX_KEYS) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, { count: 1, until: now + this.#windowMs })
  }
}
