import { LIMITS, TrunklineError } from '@trunkline/protocol'

/** Of one user: how many requests are worked on, and what begins those that wait, in the order they came. */
type Line = { underWay: number; waiting: (() => void)[] }

const RETRY_AFTER_MS = 1_000

/**
 * Works on a few requests of each user at a time; further ones wait. However much one user asks for at once, over all
 * its sockets, connections to the database and turns in the log are there for everybody else.
 */
export class FairShare {
  readonly #lines = new Map<string, Line>()

  /** @throws TrunklineError `rate_limited` when too many of this user wait already */
  async run<R>(userId: string, work: () => Promise<R>): Promise<R> {
    const line = this.#lineOf(userId)
    if (line.underWay < LIMITS.requestsAtOnce) line.underWay++
    else await this.#wait(line)
    try {
      return await work()
    } finally {
      this.#giveOn(userId)
    }
  }

  /**
   * Waits, within `run`, for something that is not ours to hurry, such as a bot: what else the user asks for goes on meanwhile. Its place
   * is the next that becomes free.
   */
  async aside<R>(userId: string, work: () => Promise<R>): Promise<R> {
    this.#giveOn(userId)
    try {
      return await work()
    } finally {
      const line = this.#lineOf(userId)
      if (line.underWay < LIMITS.requestsAtOnce) line.underWay++
      else await new Promise<void>(resolve => line.waiting.unshift(resolve))
    }
  }

  #lineOf(userId: string): Line {
    const line = this.#lines.get(userId) ?? { underWay: 0, waiting: [] }
    this.#lines.set(userId, line)
    return line
  }

  #giveOn(userId: string): void {
    const line = this.#lineOf(userId)
    const next = line.waiting.shift()
    if (next) next()
    else if (--line.underWay === 0) this.#lines.delete(userId)
  }

  /** Until another of this user is done, and gives its place on. */
  #wait({ waiting }: Line): Promise<void> {
    if (waiting.length >= LIMITS.requestsWaiting) {
      throw new TrunklineError(
        'rate_limited',
        `At most ${LIMITS.requestsWaiting} requests of one user wait to be worked on. Try again in ${RETRY_AFTER_MS} ms.`,
        { details: { limit: LIMITS.requestsWaiting, retryAfterMs: RETRY_AFTER_MS } },
      )
    }
    return new Promise(resolve => waiting.push(resolve))
  }
}
