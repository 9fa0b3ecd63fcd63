import { createHash, type Hash } from 'node:crypto'
import { MEDIA_LIMITS } from '../limits.ts'

/** SHA-256 of uploads as far as they have come, remembered from one request to the next. */
export class RunningHashes {
  /** In the order they were last used. */
  readonly #hashes = new Map<string, { size: number; hash: Hash }>()

  /** @returns the hash of the first `size` bytes, to be updated; nothing when it is not known */
  take(id: string, size: number): Hash | undefined {
    const known = this.#hashes.get(id)
    this.#hashes.delete(id)
    if (size === 0) return createHash('sha256')
    return known?.size === size ? known.hash : undefined
  }

  /** @param size bytes that the hash has seen */
  keep(id: string, size: number, hash: Hash): void {
    this.#hashes.delete(id)
    this.#hashes.set(id, { size, hash })
    const [oldest] = this.#hashes.keys()
    if (this.#hashes.size > MEDIA_LIMITS.hashesRemembered && oldest !== undefined) this.#hashes.delete(oldest)
  }

  /** @returns the hash in hex of all of an upload of `size` bytes, if it is known; it is forgotten then */
  finish(id: string, size: number): string | undefined {
    const known = this.#hashes.get(id)
    this.#hashes.delete(id)
    return known?.size === size ? known.hash.digest('hex') : undefined
  }
}
