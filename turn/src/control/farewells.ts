import type { User } from '../access/authenticator.ts'

/** How long a client may repeat a request it got no answer to, ms (RFC 8489 section 6.3.1). */
const REPEAT_MS = 40_000
/** Enough for every answer lost in a busy minute; past it the oldest are forgotten. */
const MAX_FAREWELLS = 4096

type Farewell = { readonly transactionId: string; readonly user: User; readonly until: number }

/**
 * The Refresh that ended each allocation of late. Its repetitions are answered as it was, and don't end the next
 * allocation on the 5-tuple.
 */
export class Farewells {
  /** By 5-tuple, the oldest first. */
  readonly #farewells = new Map<string, Farewell>()

  get size(): number {
    return this.#farewells.size
  }

  add(tuple: string, transactionId: string, user: User): void {
    const now = Date.now()
    for (const [known, { until }] of this.#farewells) {
      if (until > now && this.#farewells.size < MAX_FAREWELLS) break
      this.#farewells.delete(known)
    }
    this.#farewells.delete(tuple)
    this.#farewells.set(tuple, { transactionId, user, until: now + REPEAT_MS })
  }

  /** Who said goodbye on the 5-tuple with this very request, if somebody did. */
  find(tuple: string, transactionId: string): User | undefined {
    const farewell = this.#farewells.get(tuple)
    return farewell?.transactionId === transactionId && farewell.until > Date.now()
      ? farewell.user
      : undefined
  }
}
