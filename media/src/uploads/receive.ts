import { createHash, type Hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { TrunklineError } from '@trunkline/protocol'
import { bytesPassed } from '../collect-young.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { Staging } from '../store/staging.ts'
import type { RunningHashes } from './running-hashes.ts'
import { tooLarge } from './upload-table.ts'

/** What the bytes of one request have to hash to. */
export type Checksum = { algorithm: 'md5' | 'sha1' | 'sha256'; value: Buffer }

export const brokenOff = (): TrunklineError =>
  new TrunklineError('conflict', 'The upload was broken off, or goes on in another request.')

/**
 * The body of a request as far as it comes: one that breaks off ends, so that what came of it is kept.
 * @param most bytes of it that are read; a byte more and `isOver` is set
 */
class Body {
  readonly stream: Readable
  readonly #request: IncomingMessage
  readonly #most: number
  readonly #hashes: readonly Hash[]
  isOver = false
  isBroken = false

  constructor(request: IncomingMessage, most: number, hashes: readonly Hash[]) {
    this.#request = request
    this.#most = most
    this.#hashes = hashes
    this.stream = Readable.from(this.#read())
  }

  async *#read(): AsyncGenerator<Buffer> {
    let size = 0
    try {
      // Not destroyed when this returns early: an answer is still to be sent.
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.byteLength
        if (size > this.#most) {
          this.isOver = true
          return
        }
        for (const hash of this.#hashes) hash.update(chunk)
        bytesPassed(chunk.byteLength)
        yield chunk
      }
      this.isBroken = !this.#request.complete
    } catch (error) {
      if (!this.#request.destroyed) throw error
      this.isBroken = true
    }
  }
}

/** Takes bodies of requests into the staging, and hashes them on the way. */
export class Receiver {
  readonly #staging: Staging
  readonly #hashes: RunningHashes

  constructor(staging: Staging, hashes: RunningHashes) {
    this.#staging = staging
    this.#hashes = hashes
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
    const compared = checksum ? createHash(checksum.algorithm) : undefined
    const hashes = [running, compared].filter(hash => hash !== undefined)
    const body = new Body(request, most - offset, hashes)
    const size = await this.#staging.append(id, offset, body.stream)
    if (body.isOver) {
      await this.#staging.truncate(id, offset)
      throw tooLarge(most)
    }
    if (body.isBroken && checksum) await this.#staging.truncate(id, offset)
    else if (compared && checksum && !compared.digest().equals(checksum.value)) {
      await this.#staging.truncate(id, offset)
      throw new TrunklineError(
        'checksum_mismatch',
        'The bytes are not those that Upload-Checksum is of: they were damaged on the way. Send them again.',
      )
    } else if (running) this.#hashes.keep(id, size, running)
    if (body.isBroken) throw brokenOff()
    return size
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
