import * as http from 'node:http'
import * as https from 'node:https'
import { LIMITS } from '@trunkline/protocol'
import { assertPublic, guardedLookup, PrivateTarget } from './guarded-lookup.ts'

/** Connections that stay open between two posts: not for long, as users name whom some of them lead to. */
const KEPT = { keepAlive: true, timeout: 30_000, maxFreeSockets: 64 } as const

export type Posted = {
  status: number
  /** At most LIMITS.postAnswerBytes of what was answered. */
  body: string
  /** There was more. */
  isCut: boolean
  /** As `Retry-After` asks, from now. */
  retryAfterMs: number | undefined
}

/** Why there is no answer: a sentence about who was to give one. */
export class NoAnswer extends Error {
  /** The words tell where it was sent, or what we heard from there: for whoever chose the address alone. */
  readonly isPrivate: boolean

  constructor(message: string, options: ErrorOptions & { isPrivate?: boolean } = {}) {
    super(message, options)
    this.isPrivate = options.isPrivate ?? false
  }
}

/**
 * Posts bodies over HTTP to addresses that others name, over connections that are kept. Redirects are not followed: they would lead
 * where nobody looked.
 */
export class Poster {
  readonly #isGuarded: boolean
  readonly #agents: { http: http.Agent; https: https.Agent }

  /** @param options.allowsPrivate whether addresses may be in the operator's own network */
  constructor(options: { allowsPrivate: boolean }) {
    this.#isGuarded = !options.allowsPrivate
    const settings = { ...KEPT, ...(this.#isGuarded && { lookup: guardedLookup }) }
    this.#agents = { http: new http.Agent(settings), https: new https.Agent(settings) }
  }

  /** @throws NoAnswer when none came within `timeoutMs`, or the address is a private one */
  post(url: URL, headers: Record<string, string>, body: string | Buffer, timeoutMs: number): Promise<Posted> {
    return this.#post(url, headers, body, timeoutMs).catch(error => {
      throw error instanceof NoAnswer ? error : noAnswerOf(error)
    })
  }

  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  #post(url: URL, headers: Record<string, string>, body: string | Buffer, timeoutMs: number) {
    return new Promise<Posted>((resolve, reject) => {
      if (this.#isGuarded) assertPublic(url.hostname)
      const isHttps = url.protocol === 'https:'
      const request = (isHttps ? https : http).request(url, {
        method: 'POST',
        agent: isHttps ? this.#agents.https : this.#agents.http,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      })
      // An AbortSignal for each request would cost several times a timer.
      const late = setTimeout(
        () => request.destroy(new NoAnswer(`It did not answer within ${timeoutMs / 1_000} seconds.`)),
        timeoutMs,
      )
      request.on('error', reject)
      request.on('close', () => {
        clearTimeout(late)
        // Also one that switches to another protocol, which nobody here speaks: that is no error to Node.
        reject(new NoAnswer('It closed the connection without an answer.'))
      })
      request.on('response', response => {
        const chunks: Buffer[] = []
        let bytes = 0
        const end = (isCut: boolean) =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).subarray(0, LIMITS.postAnswerBytes).toString('utf8'),
            isCut,
            retryAfterMs: retryAfter(response.headers['retry-after']),
          })
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          bytes += chunk.length
          if (bytes <= LIMITS.postAnswerBytes) return
          end(true)
          request.destroy()
        })
        response.on('error', reject)
        response.on('end', () => end(false))
      })
      request.end(body)
    })
  }
}

/** `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). @returns ms */
export const retryAfter = (value: string | undefined): number | undefined => {
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}

const noAnswerOf = (cause: unknown): NoAnswer => {
  const { message, code } = cause as NodeJS.ErrnoException
  if (cause instanceof PrivateTarget) return new NoAnswer(message, { cause, isPrivate: true })
  if (code === 'ECONNREFUSED') return new NoAnswer('Nobody listens at its address.', { cause })
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new NoAnswer('The connection was lost before its answer.', { cause })
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new NoAnswer('Nobody knows the name in its address.', { cause })
  }
  return new NoAnswer(message, { cause, isPrivate: true })
}
