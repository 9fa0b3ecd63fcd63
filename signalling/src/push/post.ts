import * as http from 'node:http'
import * as https from 'node:https'
import { LIMITS } from '@trunkline/protocol'
import { assertPublic, guardedLookup } from '../webhooks/guarded-lookup.ts'
import { retryAfter } from './push-sender.ts'

/** Characters of an answer that are looked at. */
const ANSWER_CHARS = 4_000

/** Users name whom to connect to: nobody keeps connections here for long, or many. */
const KEPT = { keepAlive: true, timeout: 30_000, maxFreeSockets: 16, maxTotalSockets: 256 } as const

export type Posted = { status: number; body: string; retryAfterMs: number | undefined }

/** Posts bodies over HTTP, over connections that are kept. Redirects are not followed: they would lead where nobody looked. */
export class Poster {
  readonly #isGuarded: boolean
  readonly #agents: { 'http:': http.Agent; 'https:': https.Agent }

  /** @param options.allowsPrivate whether addresses may be in the operator's own network */
  constructor(options: { allowsPrivate: boolean }) {
    this.#isGuarded = !options.allowsPrivate
    const keep = { ...KEPT, ...(this.#isGuarded ? { lookup: guardedLookup } : {}) }
    this.#agents = { 'http:': new http.Agent(keep), 'https:': new https.Agent(keep) }
  }

  /** @throws Error when no answer came within LIMITS.pushTimeoutMs, or the address is a private one */
  post(address: string, headers: Record<string, string>, body: string | Buffer): Promise<Posted> {
    const url = new URL(address)
    return new Promise((resolve, reject) => {
      if (this.#isGuarded) assertPublic(url.hostname)
      const isPlain = url.protocol === 'http:'
      const request = (isPlain ? http : https).request(url, {
        method: 'POST',
        agent: this.#agents[isPlain ? 'http:' : 'https:'],
        signal: AbortSignal.timeout(LIMITS.pushTimeoutMs),
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      })
      request.on('error', reject)
      // Also one that switches to another protocol, which nobody here speaks: that is no error to Node.
      request.on('close', () => reject(new Error('The connection was closed without an answer.')))
      request.on('response', response => {
        let answer = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          if (answer.length < ANSWER_CHARS) answer += text
        })
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            body: answer.slice(0, ANSWER_CHARS),
            retryAfterMs: retryAfter(response.headers['retry-after']),
          })
        })
      })
      request.end(body)
    })
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy()
  }
}
