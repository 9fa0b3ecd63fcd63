import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'

/**
 * Reads bytes to their end.
 * @returns how many they are, and their SHA-256 in hex
 * @throws what the signal was aborted with
 */
export const measure = async (
  body: Readable,
  signal?: AbortSignal,
): Promise<{ size: number; sha256: string }> => {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    signal?.throwIfAborted()
    size += chunk.byteLength
    hash.update(chunk)
  }
  return { size, sha256: hash.digest('hex') }
}
