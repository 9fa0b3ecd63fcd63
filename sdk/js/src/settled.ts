/**
 * Waits until something has settled.
 * @param look asked at once and after each change: what it gives is the answer, undefined is not yet
 * @param onChange hears of changes; returns the way to stop
 * @throws what `look` throws
 */
export const settled = <T>(look: () => T | undefined, onChange: (listener: () => void) => () => void) =>
  new Promise<T>((resolve, reject) => {
    const stop = onChange(() => settle())
    const settle = () => {
      try {
        const found = look()
        if (found === undefined) return
        resolve(found)
      } catch (error) {
        reject(error)
      }
      stop()
    }
    settle()
  })
