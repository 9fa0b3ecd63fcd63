import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits until `look` gives something true, and returns it; what it throws counts as not yet.
 * @throws Error with what was seen last, after `limitMs`
 */
export const until = async <T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = 15_000,
): Promise<NonNullable<T>> => {
  const deadline = performance.now() + limitMs
  for (;;) {
    let seen: unknown
    try {
      seen = await look()
      if (seen) return seen as NonNullable<T>
    } catch (error) {
      seen = error
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${limitMs} ms: ${what}; last seen: ${String(seen)}`)
    }
    await delay(25)
  }
}
