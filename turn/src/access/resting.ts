/** A bandwidth's burst is one second's worth (token-bucket.ts), so that is how long it takes to be there again. */
const REST_MS = 1000

/**
 * Users without allocations, remembered until their bandwidth is full again anyhow. Were they forgotten at once, whoever
 * allocates anew for every burst would have no limit.
 */
export class Resting<User> {
  /** Since when, the longest so first. */
  readonly #since = new Map<User, number>()
  readonly #forget: (user: User) => void

  /** @param forget is told of each that has rested */
  constructor(forget: (user: User) => void) {
    this.#forget = forget
  }

  get size(): number {
    return this.#since.size
  }

  add(user: User): void {
    this.#since.set(user, Date.now())
  }

  /** It has an allocation again. */
  delete(user: User): void {
    this.#since.delete(user)
  }

  forgetRested(): void {
    const now = Date.now()
    for (const [user, since] of this.#since) {
      if (now - since < REST_MS && now >= since) return
      this.#since.delete(user)
      this.#forget(user)
    }
  }
}
