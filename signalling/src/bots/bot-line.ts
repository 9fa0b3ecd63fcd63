import * as http from 'node:http'
import * as https from 'node:https'
import { LIMITS, parse } from '@trunkline/protocol'
import type { z } from 'zod'
import { assertPublic, guardedLookup } from '../webhooks/guarded-lookup.ts'
import { signedHeaders } from '../webhooks/signature.ts'

/** Why a bot's answer is of no use: a sentence about the bot, for whoever looks after it. */
export class BotProblem extends Error {
  /** It took what was sent: sent again it would hear it twice. */
  readonly isTaken: boolean
  /** The same for whoever asked it: where the bot is, is none of their business. */
  readonly forPeople: string

  constructor(message: string, options: { isTaken?: boolean; forPeople?: string } = {}) {
    super(message)
    this.isTaken = options.isTaken ?? false
    this.forPeople = options.forPeople ?? message
  }
}

type Letter = { url: string; secrets: readonly string[]; id: string; body: unknown; timeoutMs: number }

/**
 * Speaks to bots: posts what is signed to their addresses and reads what they answer, over connections that are kept. Redirects are
 * not followed: they would lead where nobody looked.
 */
export class BotLine {
  readonly #isGuarded: boolean
  readonly #agents: { http: http.Agent; https: https.Agent }

  /** @param options.allowsPrivate whether bots may be in the operator's own network */
  constructor(options: { allowsPrivate: boolean }) {
    this.#isGuarded = !options.allowsPrivate
    const settings = { keepAlive: true, ...(this.#isGuarded && { lookup: guardedLookup }) }
    this.#agents = { http: new http.Agent(settings), https: new https.Agent(settings) }
  }

  /**
   * What a bot answers with 200 to 299; no body is `{}`.
   * @throws BotProblem
   */
  async ask<T extends z.ZodType>(letter: Letter, schema: T): Promise<z.output<T>> {
    const { status, text } = await this.#post(letter).catch(error => {
      throw error instanceof BotProblem ? error : problemOf(error, letter.timeoutMs)
    })
    if (status < 200 || status > 299) {
      throw new BotProblem(`It answered ${status}, and only 200 to 299 is an answer.`)
    }
    let value: unknown
    try {
      value = text.trim() === '' ? {} : JSON.parse(text)
    } catch {
      throw new BotProblem('Its answer is not JSON.', { isTaken: true })
    }
    try {
      return parse(schema, value, 'Its answer')
    } catch (error) {
      throw new BotProblem((error as Error).message, { isTaken: true })
    }
  }

  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  #post({ url: address, secrets, id, body, timeoutMs }: Letter) {
    const url = new URL(address)
    const content = JSON.stringify(body)
    const isHttps = url.protocol === 'https:'
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      if (this.#isGuarded) assertPublic(url.hostname)
      const request = (isHttps ? https : http).request(url, {
        method: 'POST',
        agent: isHttps ? this.#agents.https : this.#agents.http,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          ...signedHeaders(secrets, id, new Date(), content),
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(content),
        },
      })
      request.on('error', reject)
      // Also one that switches to another protocol, which nobody here speaks: that is no error to Node.
      request.on('close', () => reject(new BotProblem('It closed the connection without an answer.')))
      request.on('response', response => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > LIMITS.botAnswerBytes) {
            request.destroy(new BotProblem(`Its answer has more than ${LIMITS.botAnswerBytes} bytes.`))
          } else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        )
      })
      request.end(content)
    })
  }
}

const problemOf = (error: unknown, timeoutMs: number): BotProblem => {
  const { name, message, code } = error as NodeJS.ErrnoException
  if (name === 'TimeoutError' || name === 'AbortError') {
    return new BotProblem(`It did not answer within ${timeoutMs / 1_000} seconds.`)
  }
  if (code === 'ECONNREFUSED') return new BotProblem('Nobody listens at its address.')
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new BotProblem('The connection was lost before its answer.')
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new BotProblem('Nobody knows the name in its address.')
  }
  return new BotProblem(message, { forPeople: 'It could not be reached.' })
}
