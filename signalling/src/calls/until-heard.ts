import { setTimeout as sleep } from 'node:timers/promises'
import { TrunklineError } from '@trunkline/protocol'

/** When an SFU that could not be asked is asked again, ms. */
const AGAIN_MS = 500

/** Does what must not be left undone because an SFU is out of reach once more. */
export const untilHeard = async (work: () => Promise<void>, isClosed: () => boolean): Promise<void> => {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const isAway = error instanceof TrunklineError && error.code === 'unavailable'
      if (isClosed()) return
      if (!isAway) throw error
    }
    await sleep(AGAIN_MS)
  }
}
