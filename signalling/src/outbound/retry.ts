import { LIMITS } from '@trunkline/protocol'

/** After the first failure, ms. */
const FIRST_MS = 1_000

/**
 * How long to wait before the next attempt, ms: twice as long each time, up to LIMITS.webhookRetryMs, and by chance down to half
 * of it, so that many who failed at once do not come at once again.
 * @param failures in a row, from 1
 * @param chance 0 to 1
 */
export const retryDelay = (failures: number, chance = Math.random()): number => {
  const longest = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 30), LIMITS.webhookRetryMs)
  return Math.round(longest * (0.5 + chance / 2))
}
