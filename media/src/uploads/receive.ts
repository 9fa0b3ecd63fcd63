import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { TrunklineError } from '@trunkline/protocol'
import { MEDIA_LIMITS } from './limits.ts'

export type ReceivedFile = {
  path: string
  /** bytes */
  size: number
  /** hex */
  sha256: string
}

const tooLarge = (limit: number): TrunklineError =>
  new TrunklineError('too_large', `A file must be at most ${limit} bytes.`, { details: { limit } })

const brokenOff = (cause?: unknown): TrunklineError =>
  new TrunklineError('invalid_request', 'The upload was broken off.', { cause })

/**
 * Writes the body of a request to a new file, never more than `limit` bytes of it.
 * The request stays readable after a refusal, so that an answer can still be sent: see {@link drain}.
 * @throws TrunklineError `too_large`, or `invalid_request` when the client breaks off; the file is then the caller's to remove
 */
export const receive = async (
  request: IncomingMessage,
  path: string,
  limit: number,
): Promise<ReceivedFile> => {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  const hash = createHash('sha256')
  let size = 0
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.byteLength
      if (size > limit) throw tooLarge(limit)
      hash.update(chunk)
      await file.appendFile(chunk)
    }
  } catch (error) {
    throw request.errored ? brokenOff(error) : error
  } finally {
    await file.close()
  }
  if (!request.complete) throw brokenOff()
  return { path, size, sha256: hash.digest('hex') }
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
