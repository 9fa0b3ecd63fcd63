import type { Readable } from 'node:stream'
import { onOneLine } from '../files/name.ts'
import { MEDIA_LIMITS } from '../limits.ts'

/**
 * What a scanner says of a file. `found` names what it found, in its own words: {@link foundIn} makes them fit for people.
 * `isTooLarge`: it looks at no file of that size, and so will never say more.
 */
export type Verdict =
  | { isClean: true }
  | { isClean: false; found: string }
  | { isClean: false; isTooLarge: true }

/** Looks for harm in files before anybody gets them. */
export interface Scanner {
  /**
   * @param file.signal aborts when the process closes
   * @throws Error when no verdict is to be had: then nobody gets the file, and it is asked again later
   */
  scan(file: {
    body: Readable
    name: string
    mime: string
    size: number
    signal: AbortSignal
  }): Promise<Verdict>
}

/** What a scanner says that it found, as people may see it: on one line, and not longer than a name. */
export const foundIn = (said: string): string => {
  // What is far too long is not looked through to its end.
  const line = onOneLine(said.slice(0, 16 * MEDIA_LIMITS.scanFoundChars))
  const chars = [...line]
  if (chars.length === 0) return 'it has no name'
  return chars.length > MEDIA_LIMITS.scanFoundChars
    ? `${chars.slice(0, MEDIA_LIMITS.scanFoundChars).join('').trimEnd()}…`
    : line
}
