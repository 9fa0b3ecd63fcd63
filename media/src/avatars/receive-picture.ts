import { open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { LIMITS, TrunklineError } from '@trunkline/protocol'

const tooLarge = (): TrunklineError =>
  new TrunklineError('too_large', `An avatar must be at most ${LIMITS.avatarBytes} bytes.`, {
    details: { limit: LIMITS.avatarBytes },
  })

/**
 * Writes the body of a request to a new file, never more than LIMITS.avatarBytes of it. The request stays readable after a
 * refusal, so that an answer can still be sent.
 * @throws TrunklineError `too_large`, or `invalid_request` when the client breaks off; the file is then the caller's to remove
 */
export const receivePicture = async (request: IncomingMessage, path: string): Promise<void> => {
  if (Number(request.headers['content-length'] ?? 0) > LIMITS.avatarBytes) throw tooLarge()
  let size = 0
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.byteLength
      if (size > LIMITS.avatarBytes) throw tooLarge()
      await file.appendFile(chunk)
    }
  } catch (error) {
    if (!request.errored) throw error
  } finally {
    await file.close()
  }
  if (!request.complete) throw new TrunklineError('invalid_request', 'The upload was broken off.')
}
