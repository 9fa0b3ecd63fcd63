import { z } from 'zod'
import { MEDIA_LIMITS } from '../limits.ts'
import type { Scanner } from './scanner.ts'

/** What the endpoint answers. It may say more than is asked for here. */
const Answer = z.union([
  z.object({ clean: z.literal(true) }),
  z.object({ clean: z.literal(false), found: z.string() }),
])

/** bytes; more than that is no verdict, and is not read. */
const ANSWER_BYTES = 64 * 1024

/** @throws Error when it is longer than an answer may be, or no JSON */
const readAnswer = async (response: Response): Promise<unknown> => {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop early cancels the body.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > ANSWER_BYTES) throw new Error(`the scanner answered more than ${ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString())
}

/**
 * Asks an HTTP endpoint: `POST` with the bytes as body, their MIME type as `Content-Type`, their name percent-encoded as
 * `X-File-Name`. It answers 200 with `{"clean": true}` or `{"clean": false, "found": "what it found"}`, or 413 when it looks
 * at no file of that size; anything else is no verdict.
 * @param url a user and password in it are sent as basic authentication
 */
export const createHttpScanner = (url: string): Scanner => {
  const { username, password } = new URL(url)
  const address = new URL(url)
  address.username = ''
  address.password = ''
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const authorization = username || password ? `Basic ${Buffer.from(pair).toString('base64')}` : undefined

  return {
    async scan({ body, name, mime, size, signal }) {
      const response = await fetch(address, {
        method: 'POST',
        headers: {
          'Content-Type': mime,
          'Content-Length': String(size),
          'X-File-Name': encodeURIComponent(name),
          ...(authorization && { Authorization: authorization }),
        },
        // A Readable is a body for Node's fetch, whatever its types say.
        body: body as unknown as BodyInit,
        duplex: 'half',
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(MEDIA_LIMITS.scanMs)]),
      } as RequestInit)
      if (response.status !== 200) {
        await response.body?.cancel()
        if (response.status === 413) return { isClean: false, isTooLarge: true }
        throw new Error(`the scanner answered ${response.status} instead of 200`)
      }
      const answer = Answer.parse(await readAnswer(response))
      return answer.clean ? { isClean: true } : { isClean: false, found: answer.found }
    },
  }
}
