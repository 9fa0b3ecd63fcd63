import { setTimeout as delay } from 'node:timers/promises'

/** Between two looks, ms: a wait that has been long is found to be over a twentieth later, for a fraction of the work. */
const pauseAfter = (waitedMs: number): number => Math.min(Math.max(waitedMs / 20, 25), 100)

/**
 * Waits until `look` gives something true, and returns it; what it throws counts as not yet.
 * @throws Error with what was seen last, after `limitMs`
 */
export const until = async <T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = 15_000,
): Promise<NonNullable<T>> => {
  const start = performance.now()
  for (;;) {
    let seen: unknown
    try {
      seen = await look()
      if (seen) return seen as NonNullable<T>
    } catch (error) {
      seen = error
    }
    const waited = performance.now() - start
    if (waited > limitMs) {
      throw new Error(`not within ${limitMs} ms: ${what}; last seen: ${String(seen)}`)
    }
    await delay(pauseAfter(waited))
  }
}
