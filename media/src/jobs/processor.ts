import type { DerivativeName, FileDetails } from '@trunkline/protocol'

/** What is to be processed, and how. */
export type Work = {
  /** Of the file on this machine; not to be changed. */
  path: string
  mime: string
  /** For what is written on the way: empty, of this work alone, removed with all in it afterwards. */
  folder: string
  /** Aborts when nobody wants it any more, or the process closes. */
  signal: AbortSignal
  /** 0 to 1; may be called as often as one likes. */
  progress(fraction: number): void
  /** Has people see what is known before the rest is made. It is part of what is returned in the end as well. */
  early(produced: Produced): Promise<void>
}

/** A derivative as it was made, in the folder of the work. */
export type Made = { name: DerivativeName; mime: string; path: string; width?: number; height?: number }

export type Produced = {
  details: FileDetails
  made: Made[]
  /** What it turned out to be, where that is not what its first bytes told: a WebM with nothing but sound is `audio/webm`. */
  mime?: string
}

/**
 * Makes of a file what can be shown of it.
 * @throws MediaFault when nothing can be made of this file, ever; anything else is tried again
 */
export type Processor = (work: Work) => Promise<Produced>

/** A file is at fault, not we: trying again helps nobody. The message is shown to people. */
export class MediaFault extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'MediaFault'
  }
}
