import { LIMITS } from '@trunkline/protocol'
import { retryDelay } from '../outbound/retry.ts'
import type { WebhookRow } from './webhook-store.ts'

/** So many rooms in which nothing was taken since something was, and the endpoint is taken for dead. */
const DEAD_AFTER = 10

export type Failing = { since: Date; failures: number; retryAt: Date; problem: string }

/**
 * Whether an endpoint takes anything at all. One that takes nothing is asked by one attempt at a time, which stands for all, at
 * growing intervals; one event that is never taken makes nobody dead.
 */
export class Pulse {
  readonly #rooms = new Set<string>()
  #since: Date | undefined
  /** In a row, since it is dead. */
  #failures: number
  #retryAt: number
  /** When the last failure was counted. */
  #failedAt = 0
  #problem: string

  constructor({ failingSince, failures, retryAt, problem }: WebhookRow) {
    this.#since = failingSince ?? undefined
    this.#failures = failures
    this.#retryAt = retryAt?.getTime() ?? 0
    this.#problem = problem ?? ''
  }

  get isDead(): boolean {
    return this.#failures > 0
  }

  /** Unix ms. */
  get retryAt(): number {
    return this.#retryAt
  }

  get failing(): Failing | undefined {
    const since = this.#since
    if (!since || !this.isDead) return undefined
    return { since, failures: this.#failures, retryAt: new Date(this.#retryAt), problem: this.#problem }
  }

  /** @returns whether it had been dead */
  taken(): boolean {
    const wasDead = this.isDead
    this.#rooms.clear()
    this.#since = undefined
    this.#failures = 0
    this.#retryAt = 0
    return wasDead
  }

  failed(roomId: string, at: Date, problem: string, retryAfterMs: number): void {
    this.#rooms.add(roomId)
    this.#since ??= at
    this.#problem = problem
    if (!this.isDead && this.#rooms.size < DEAD_AFTER) return
    // What was under way already says nothing new: 64 at once are no 64 failures in a row, after which it would be left alone for an hour.
    if (this.isDead && at.getTime() <= this.#failedAt) return
    this.#failures += 1
    this.#failedAt = Date.now()
    this.#retryAt =
      Date.now() + Math.max(retryDelay(this.#failures), Math.min(retryAfterMs, LIMITS.webhookRetryMs))
  }
}
