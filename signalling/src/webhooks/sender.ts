import * as http from 'node:http'
import * as https from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { LIMITS } from '@trunkline/protocol'
import { assertPublic, guardedLookup } from './guarded-lookup.ts'

/** What came of sending a body somewhere. */
export type Sent = {
  at: Date
  latencyMs: number
  delivered: boolean
  status?: number
  /** The first of what was answered. */
  answer?: string
  /** Why it counts as not delivered, for people. */
  problem?: string
  /** As the endpoint asked in `Retry-After`, ms from now. */
  retryAfterMs?: number
}

/** Connections of one endpoint that stay open between two sends. */
const FREE_SOCKETS = 64

class NoAnswer extends Error {}

/** Posts bodies to one address, over connections that are kept. */
export class Sender {
  readonly #target: http.RequestOptions
  readonly #agent: http.Agent
  readonly #request: typeof http.request
  readonly #isGuarded: boolean

  /** @param options.allowsPrivate whether it may be in the operator's own network */
  constructor(url: string, options: { allowsPrivate: boolean }) {
    this.#target = urlToHttpOptions(new URL(url))
    this.#isGuarded = !options.allowsPrivate
    const of = this.#target.protocol === 'https:' ? https : http
    this.#request = of.request
    const lookup = this.#isGuarded ? { lookup: guardedLookup } : {}
    this.#agent = new of.Agent({ keepAlive: true, maxFreeSockets: FREE_SOCKETS, ...lookup })
  }

  /** Resolves with what came of it, whatever that is. Redirects are not followed: they would lead where nobody looked. */
  async send(headers: Record<string, string>, body: string, at = new Date()): Promise<Sent> {
    const start = performance.now()
    const after = () => ({ at, latencyMs: Math.round(performance.now() - start) })
    try {
      const { status, answer, retryAfter } = await this.#post(headers, body)
      const delivered = status >= 200 && status < 300
      const seconds = Number(retryAfter)
      return {
        ...after(),
        delivered,
        status,
        answer,
        ...(!delivered && { problem: problemOf(status) }),
        ...(!delivered && retryAfter !== undefined && seconds > 0 && { retryAfterMs: seconds * 1_000 }),
      }
    } catch (error) {
      return { ...after(), delivered: false, problem: reasonOf(error) }
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #post(headers: Record<string, string>, body: string) {
    return new Promise<{ status: number; answer: string; retryAfter: string | undefined }>(
      (resolve, reject) => {
        if (this.#isGuarded) assertPublic(this.#target.hostname ?? '')
        const request = this.#request({
          ...this.#target,
          method: 'POST',
          agent: this.#agent,
          headers: {
            ...headers,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          },
        })
        // An AbortSignal for each request would cost several times a timer.
        const late = setTimeout(() => request.destroy(new NoAnswer()), LIMITS.webhookTimeoutMs)
        request.on('close', () => {
          clearTimeout(late)
          // Also one that switches to another protocol, which nobody here speaks: that is no error to Node.
          reject(new Error('The connection was closed without an answer.'))
        })
        request.on('error', reject)
        request.on('response', response => {
          let answer = ''
          response.setEncoding('utf8')
          response.on('data', (text: string) => {
            if (answer.length < LIMITS.webhookAnswerChars) answer += text
          })
          response.on('error', reject)
          response.on('end', () => {
            resolve({
              status: response.statusCode ?? 0,
              // PostgreSQL keeps no NUL, and half a character is none.
              answer: answer.slice(0, LIMITS.webhookAnswerChars).replaceAll('\0', '').toWellFormed(),
              retryAfter: response.headers['retry-after'],
            })
          })
        })
        request.end(body)
      },
    )
  }
}

const problemOf = (status: number): string =>
  status >= 300 && status < 400
    ? `It answered ${status}, a redirect, which is not followed. Name the address itself.`
    : `It answered ${status}, and only 200 to 299 says that an event was taken.`

const reasonOf = (error: unknown): string => {
  const { message, code } = error as NodeJS.ErrnoException
  if (error instanceof NoAnswer)
    return `There was no answer within ${LIMITS.webhookTimeoutMs / 1_000} seconds.`
  if (code === 'ECONNREFUSED') return 'Nobody listens there.'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'The connection was lost before the answer.'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'Nobody knows that name.'
  return message
}
