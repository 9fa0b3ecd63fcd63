import type { Readable } from 'node:stream'

/** What a scanner says of a file: `found` names what it found, for people. */
export type Verdict = { isClean: true } | { isClean: false; found: string }

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
