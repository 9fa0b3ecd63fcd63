import { LIMITS } from '@trunkline/protocol'
import { Poster } from '../outbound/poster.ts'

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

/** Sends events to one endpoint. */
export class Sender {
  readonly #url: URL
  readonly #poster: Poster

  /** @param options.allowsPrivate whether it may be in the operator's own network */
  constructor(url: string, options: { allowsPrivate: boolean }) {
    this.#url = new URL(url)
    this.#poster = new Poster(options)
  }

  /** Resolves with what came of it, whatever that is. */
  async send(headers: Record<string, string>, body: string, at = new Date()): Promise<Sent> {
    const start = performance.now()
    const after = () => ({ at, latencyMs: Math.round(performance.now() - start) })
    const all = { ...headers, 'content-type': 'application/json' }
    try {
      const answered = await this.#poster.post(this.#url, all, body, LIMITS.webhookTimeoutMs)
      const { status, retryAfterMs } = answered
      // PostgreSQL keeps no NUL, and half a character is none.
      const answer = answered.body.slice(0, LIMITS.webhookAnswerChars).replaceAll('\0', '').toWellFormed()
      const delivered = status >= 200 && status < 300
      return {
        ...after(),
        delivered,
        status,
        answer,
        ...(!delivered && { problem: problemOf(status) }),
        ...(!delivered && retryAfterMs !== undefined && { retryAfterMs }),
      }
    } catch (error) {
      return { ...after(), delivered: false, problem: (error as Error).message }
    }
  }

  close(): void {
    this.#poster.close()
  }
}

const problemOf = (status: number): string =>
  status >= 300 && status < 400
    ? `It answered ${status}, a redirect, which is not followed. Name the address itself.`
    : `It answered ${status}, and only 200 to 299 says that an event was taken.`
