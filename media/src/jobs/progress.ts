import { MEDIA_LIMITS } from '../limits.ts'

/**
 * Passes progress on, but not more often than anybody can see: one at a time, some time apart, the latest.
 * @param tell what it throws is lost: the next one says more
 */
export const createProgress = (
  tell: (fraction: number) => Promise<void>,
): { report: (fraction: number) => void; end: () => Promise<void> } => {
  let latest: number | undefined
  let told = -1
  let running: Promise<void> | undefined
  let isOver = false
  let timer: NodeJS.Timeout | undefined

  const flush = (): void => {
    if (isOver || running || timer || latest === undefined) return
    const fraction = latest
    latest = undefined
    told = fraction
    running = tell(fraction)
      .catch(() => undefined)
      .then(() => {
        running = undefined
        if (isOver) return
        timer = setTimeout(() => {
          timer = undefined
          flush()
        }, MEDIA_LIMITS.progressEveryMs)
      })
  }

  return {
    report(fraction) {
      const rounded = Math.round(Math.min(1, Math.max(0, fraction)) * 100) / 100
      // It never goes back: something may begin again that is done another way.
      if (Number.isNaN(rounded) || rounded <= Math.max(told, latest ?? -1)) return
      latest = rounded
      flush()
    },
    async end() {
      isOver = true
      clearTimeout(timer)
      await running
    },
  }
}
