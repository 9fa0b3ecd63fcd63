/** What a file system says when there is no room on it, or no more for us. */
const CODES = new Set(['ENOSPC', 'EDQUOT'])
const SAID = /No space left on device|Disk quota exceeded/

/** Whether something failed because there is no space left, by what the system or a program said of it. */
export const isFull = (error: unknown): boolean => {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (CODES.has((at as NodeJS.ErrnoException).code ?? '') || SAID.test(at.message)) return true
  }
  return false
}
