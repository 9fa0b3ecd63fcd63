import type { IncomingMessage } from 'node:http'
import { TrunklineError } from '@trunkline/protocol'
import { MEDIA_LIMITS } from '../limits.ts'
import type { Staging } from '../store/staging.ts'
import { Body } from './body.ts'
import type { Algorithm, HashThread } from './hash-thread.ts'
import type { RunningHashes } from './running-hashes.ts'
import type { Slabs } from './slabs.ts'
import { tooLarge } from './upload-table.ts'

/** What the bytes of one request have to hash to. */
export type Checksum = { algorithm: Algorithm; value: Buffer }

export const brokenOff = (): TrunklineError =>
  new TrunklineError('conflict', 'The upload was broken off, or goes on in another request.')

/** Takes bodies of requests into the staging, and hashes them on the way. */
export class Receiver {
  readonly #staging: Staging
  readonly #slabs: Slabs
  readonly #thread: HashThread
  readonly #hashes: RunningHashes

  constructor(deps: { staging: Staging; slabs: Slabs; thread: HashThread; hashes: RunningHashes }) {
    this.#staging = deps.staging
    this.#slabs = deps.slabs
    this.#thread = deps.thread
    this.#hashes = deps.hashes
  }

  /**
   * Appends the body of a request to an upload. Of a body that breaks off what came is kept, unless there is a checksum it
   * was to be compared with; of one that is too long, or is not what its checksum says, nothing is kept.
   * @param options.most bytes the upload may have in all
   * @returns how many bytes there are then
   * @throws TrunklineError `too_large`; `checksum_mismatch`; `conflict` when it broke off
   */
  async receive(
    request: IncomingMessage,
    id: string,
    options: { offset: number; most: number; checksum?: Checksum | undefined },
  ): Promise<number> {
    const { offset, most, checksum } = options
    const running = this.#hashes.take(id, offset)
    const compared = checksum && this.#thread.start(checksum.algorithm)
    const hashes = [running, compared].filter(hash => hash !== undefined)
    const body = new Body({ request, most: most - offset, hashes, slabs: this.#slabs })
    let isKept = false
    try {
      const size = await this.#staging.append(id, offset, body)
      if (body.isOver) {
        await this.#staging.truncate(id, offset)
        throw tooLarge(most)
      }
      if (body.isBroken && checksum) await this.#staging.truncate(id, offset)
      else if (compared && checksum && !(await compared.digest()).equals(checksum.value)) {
        await this.#staging.truncate(id, offset)
        throw new TrunklineError(
          'checksum_mismatch',
          'The bytes are not those that Upload-Checksum is of: they were damaged on the way. Send them again.',
        )
      } else if (running) {
        this.#hashes.keep(id, size, running)
        isKept = true
      }
      if (body.isBroken) throw brokenOff()
      return size
    } finally {
      compared?.drop()
      if (!isKept) running?.drop()
    }
  }
}

/**
 * Reads away what a client still sends of a request that was refused: many only look at the answer once they have sent
 * everything. Bounded in bytes and time; then the connection is cut.
 */
export const drain = (request: IncomingMessage): void => {
  if (request.complete || request.destroyed) return
  let left: number = MEDIA_LIMITS.drainBytes
  const cut = () => request.destroy()
  const timer = setTimeout(cut, MEDIA_LIMITS.drainMs)
  request.on('data', (chunk: Buffer) => {
    left -= chunk.byteLength
    if (left < 0) cut()
  })
  request.once('close', () => clearTimeout(timer))
  request.on('error', () => undefined)
  request.resume()
}
