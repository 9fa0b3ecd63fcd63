import { MEDIA_LIMITS } from '../limits.ts'

/** Whether something is still wanted while it is worked on. */
export type Watch = { signal: AbortSignal; end: () => void }

/**
 * Aborts once something is not wanted any more: it is asked again and again, for whoever deletes it may be another process.
 * @param isWanted when it throws it is asked again a moment later
 */
export const watch = (isWanted: () => Promise<boolean>): Watch => {
  const gone = new AbortController()
  const timer = setInterval(() => {
    isWanted().then(
      wanted => {
        if (!wanted) gone.abort(new Error('the file was deleted'))
      },
      () => undefined,
    )
  }, MEDIA_LIMITS.deletedEveryMs)
  return { signal: gone.signal, end: () => clearInterval(timer) }
}
