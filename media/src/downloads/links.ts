import { createHmac, timingSafeEqual } from 'node:crypto'
import { LIMITS, LINKED_FILES_PATH, type VariantName } from '@trunkline/protocol'

/** What a link is good for: one variant of one file, for one user. */
export type LinkSubject = { fileId: string; variant: VariantName; userId: string }

/** Half of how long a link is good, seconds: links made within one such span are the same, so that browsers find what they keep. */
const SPAN = LIMITS.fileLinkSeconds / 2

/**
 * Signed links to files, for `<img>` and `<video>`, which can send no token. A signature says only that somebody was told of
 * the file; whether they may still read it is asked each time.
 */
export class FileLinks {
  readonly #key: Buffer
  readonly #now: () => number

  /**
   * @param key the same in all processes of an installation
   * @param now Unix milliseconds
   */
  constructor(key: Buffer, now: () => number = Date.now) {
    this.#key = key
    this.#now = now
  }

  /** Unix seconds until which links made now are good. */
  expiry(): number {
    return (Math.floor(this.#now() / 1000 / SPAN) + 2) * SPAN
  }

  /** @returns a path on this server */
  sign(subject: LinkSubject, until: number): string {
    const query = new URLSearchParams({
      user: subject.userId,
      until: String(until),
      signature: this.#signature(subject, until).toString('base64url'),
    })
    return `${LINKED_FILES_PATH}/${encodeURIComponent(subject.fileId)}/${subject.variant}?${query}`
  }

  /** Whether we signed this. @param until as the link has it, Unix seconds */
  isSigned(subject: LinkSubject, until: number, signature: string): boolean {
    const expected = this.#signature(subject, until)
    const given = Buffer.from(signature, 'base64url')
    return given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
  }

  isExpired(until: number): boolean {
    return until * 1000 <= this.#now()
  }

  #signature({ fileId, variant, userId }: LinkSubject, until: number): Buffer {
    // As JSON no two subjects are written in the same way.
    const text = JSON.stringify([fileId, variant, userId, until])
    return createHmac('sha256', this.#key).update(text).digest()
  }
}
