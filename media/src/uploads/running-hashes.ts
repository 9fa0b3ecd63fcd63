import { MEDIA_LIMITS } from '../limits.ts'
import type { HashThread, ThreadHash } from './hash-thread.ts'

/** SHA-256 of uploads as far as they have come, remembered from one request to the next. */
export class RunningHashes {
  readonly #thread: HashThread
  /** In the order they were last used. */
  readonly #hashes = new Map<string, { size: number; hash: ThreadHash }>()

  constructor(thread: HashThread) {
    this.#thread = thread
  }

  /** @returns the hash of the first `size` bytes, to be updated; nothing when it is not known */
  take(id: string, size: number): ThreadHash | undefined {
    const known = this.#hashes.get(id)
    this.#hashes.delete(id)
    if (known && known.size === size) return known.hash
    known?.hash.drop()
    return size === 0 ? this.#thread.start('sha256') : undefined
  }

  /** @param size bytes that the hash has seen */
  keep(id: string, size: number, hash: ThreadHash): void {
    this.#drop(id)
    this.#hashes.set(id, { size, hash })
    const [oldest] = this.#hashes.keys()
    if (this.#hashes.size > MEDIA_LIMITS.hashesRemembered && oldest !== undefined) this.#drop(oldest)
  }

  /** @returns the hash in hex of all of an upload of `size` bytes, if it is known; it is forgotten then */
  async finish(id: string, size: number): Promise<string | undefined> {
    const known = this.#hashes.get(id)
    this.#hashes.delete(id)
    if (known?.size !== size) {
      known?.hash.drop()
      return undefined
    }
    // One that was lost with its thread is computed by the job of the file.
    const digest = await known.hash.digest().catch(() => undefined)
    return digest?.toString('hex')
  }

  #drop(id: string): void {
    this.#hashes.get(id)?.hash.drop()
    this.#hashes.delete(id)
  }
}
