import type { Limits } from '../limits.ts'

/** What one user holds and may still send; shared by all its allocations. */
export class Account {
  readonly user: string
  allocations = 0
  readonly #rate: number
  #credit: number
  #filledAt = Date.now()

  constructor(user: string, bytesPerSecond: number) {
    this.user = user
    this.#rate = bytesPerSecond
    this.#credit = bytesPerSecond
  }

  /** @returns false when the user's bandwidth is used up and the packet is to be dropped */
  spend(bytes: number): boolean {
    if (this.#credit < bytes) {
      const now = Date.now()
      this.#credit = Math.min(this.#rate, this.#credit + ((now - this.#filledAt) * this.#rate) / 1000)
      this.#filledAt = now
      if (this.#credit < bytes) return false
    }
    this.#credit -= bytes
    return true
  }
}

/** Allocations per user and in all. Users are those named in credentials, not the ever-changing usernames. */
export class Quota {
  readonly #limits: Limits
  readonly #accounts = new Map<string, Account>()
  #total = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get users(): number {
    return this.#accounts.size
  }

  /** Whether the user may have one more: if not, 486. */
  userHasRoom(user: string): boolean {
    return (this.#accounts.get(user)?.allocations ?? 0) < this.#limits.allocationsPerUser
  }

  /** Takes one allocation; undefined when the server is full (508). Give it back with `release`. */
  take(user: string): Account | undefined {
    if (this.#total >= this.#limits.allocations) return undefined
    const account = this.#accounts.get(user) ?? new Account(user, this.#limits.bytesPerSecondPerUser)
    this.#accounts.set(user, account)
    account.allocations++
    this.#total++
    return account
  }

  release(account: Account): void {
    account.allocations--
    this.#total--
    if (account.allocations === 0) this.#accounts.delete(account.user)
  }
}
