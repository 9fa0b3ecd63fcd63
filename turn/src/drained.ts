import { setTimeout as sleep } from 'node:timers/promises'

/** How often somebody who drains looks whether somebody is left, ms. */
const LOOK_MS = 100

/** Resolves once there is nothing left to count, at the latest after so many ms. */
export const drained = async (left: () => number, ms: number): Promise<void> => {
  const until = Date.now() + ms
  while (left() > 0 && Date.now() < until) await sleep(LOOK_MS)
}
