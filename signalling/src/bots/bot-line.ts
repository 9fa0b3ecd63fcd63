import type { Metrics } from '@trunkline/kit'
import { LIMITS, parse } from '@trunkline/protocol'
import type { z } from 'zod'
import { PrivateTarget } from '../outbound/guarded-lookup.ts'
import { type NoAnswer, Poster } from '../outbound/poster.ts'
import { signedHeaders } from '../outbound/signature.ts'
import { type BotTraffic, countLetters } from './bot-metrics.ts'

/** Why a bot's answer is of no use: a sentence about the bot, for whoever looks after it. */
export class BotProblem extends Error {
  /** It took what was sent: sent again it would hear it twice. */
  readonly isTaken: boolean
  /** Asked again it may answer. */
  readonly mayPass: boolean
  /** The same for whoever asked it: where the bot is, is none of their business. */
  readonly forPeople: string

  constructor(message: string, options: { isTaken?: boolean; mayPass?: boolean; forPeople?: string } = {}) {
    super(message)
    this.isTaken = options.isTaken ?? false
    this.mayPass = options.mayPass ?? false
    this.forPeople = options.forPeople ?? message
  }
}

type Letter = {
  url: string
  secrets: readonly string[]
  id: string
  /** What it is: something said, or something that somebody waits for an answer to. */
  about: 'message' | 'question'
  body: unknown
  timeoutMs: number
}

/** Speaks to bots: posts what is signed to their addresses and reads what they answer. */
export class BotLine {
  readonly #poster: Poster
  readonly #traffic: BotTraffic

  /** @param options.allowsPrivate whether bots may be in the operator's own network */
  constructor(options: { allowsPrivate: boolean; metrics: Metrics }) {
    this.#poster = new Poster(options)
    this.#traffic = countLetters(options.metrics)
  }

  /**
   * What a bot answers with 200 to 299; no body is `{}`.
   * @throws BotProblem
   */
  async ask<T extends z.ZodType>(letter: Letter, schema: T): Promise<z.output<T>> {
    const { about } = letter
    try {
      const answer = await this.#traffic.during({ about }, () => this.#ask(letter, schema))
      this.#traffic.count({ about }, 'answered')
      return answer
    } catch (error) {
      this.#traffic.count({ about }, 'failed')
      throw error
    }
  }

  close(): void {
    this.#poster.close()
  }

  async #ask<T extends z.ZodType>(letter: Letter, schema: T): Promise<z.output<T>> {
    const { url, secrets, id, timeoutMs } = letter
    const content = JSON.stringify(letter.body)
    const signed = signedHeaders(secrets, id, new Date(), content)
    const headers = { ...signed, 'content-type': 'application/json' }
    const { status, body, isCut } = await this.#poster
      .post(new URL(url), headers, content, timeoutMs)
      .catch((error: NoAnswer) => {
        const { message, isPrivate, cause } = error
        const mayPass = !(cause instanceof PrivateTarget)
        throw new BotProblem(message, {
          mayPass,
          ...(isPrivate && { forPeople: 'It could not be reached.' }),
        })
      })
    if (isCut) throw new BotProblem(`Its answer has more than ${LIMITS.postAnswerBytes} bytes.`)
    if (status < 200 || status > 299) {
      const mayPass = status >= 500 || status === 429 || status === 408
      throw new BotProblem(`It answered ${status}, and only 200 to 299 is an answer.`, { mayPass })
    }
    let value: unknown
    try {
      value = body.trim() === '' ? {} : JSON.parse(body)
    } catch {
      throw new BotProblem('Its answer is not JSON.', { isTaken: true })
    }
    try {
      return parse(schema, value, 'Its answer')
    } catch (error) {
      throw new BotProblem((error as Error).message, { isTaken: true })
    }
  }
}
