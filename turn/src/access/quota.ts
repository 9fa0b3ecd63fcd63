import type { Limits } from '../limits.ts'
import { Resting } from './resting.ts'
import { TokenBucket } from './token-bucket.ts'

/** Why there is no further allocation: the user holds its share (486), or the server holds all it may (508). */
export type NoRoom = 'quota' | 'capacity'

/** Whose bandwidth is used up. */
export type Overspent = 'bandwidth' | 'bandwidthInAll'

/** Who counts the allocations of several processes together (fleet/): asked for each after this process has room. */
export type Ledger = {
  /** @returns why not, or undefined when it is taken */
  take(user: string): Promise<NoRoom | undefined>
  release(user: string): void
}

/** What one user holds and may still send; shared by all its allocations. */
export class Account {
  readonly user: string
  allocations = 0
  readonly bandwidth: TokenBucket
  readonly #total: TokenBucket

  constructor(user: string, bytesPerSecond: number, total: TokenBucket) {
    this.user = user
    this.bandwidth = new TokenBucket(bytesPerSecond)
    this.#total = total
  }

  /**
   * Takes a packet's payload from the bandwidth of the user and of the server.
   * @returns whose is used up, if one is: the packet is to be dropped
   */
  spend(bytes: number): Overspent | undefined {
    if (!this.bandwidth.spend(bytes)) return 'bandwidth'
    if (this.#total.spend(bytes)) return undefined
    this.bandwidth.giveBack(bytes)
    return 'bandwidthInAll'
  }
}

/** Allocations and bandwidth, per user and in all. Users are those named in credentials, not the ever-changing usernames. */
export class Quota {
  /** Bandwidth of all users together. */
  readonly bandwidth: TokenBucket
  readonly #limits: Limits
  readonly #ledger: Ledger | undefined
  readonly #accounts = new Map<string, Account>()
  readonly #resting = new Resting<Account>(({ user }) => this.#accounts.delete(user))
  #total = 0

  constructor(limits: Limits, ledger?: Ledger) {
    this.#limits = limits
    this.#ledger = ledger
    this.bandwidth = new TokenBucket(limits.bytesPerSecond)
  }

  /** Users with allocations. */
  get users(): number {
    return this.#accounts.size - this.#resting.size
  }

  /** The account of a user who has allocations, or had until a moment ago. */
  account(user: string): Account | undefined {
    return this.#accounts.get(user)
  }

  /** Takes one allocation. Give it back with `release`. @returns why there is none, if so */
  async take(user: string): Promise<Account | NoRoom> {
    this.#resting.forgetRested()
    if (this.#total >= this.#limits.allocations) return 'capacity'
    const account =
      this.#accounts.get(user) ?? new Account(user, this.#limits.bytesPerSecondPerUser, this.bandwidth)
    if (account.allocations >= this.#limits.allocationsPerUser) return 'quota'
    this.#accounts.set(user, account)
    this.#resting.delete(account)
    account.allocations++
    this.#total++
    const refused = await this.#ledger?.take(user)
    if (refused === undefined) return account
    this.#giveBack(account)
    return refused
  }

  release(account: Account): void {
    this.#giveBack(account)
    this.#ledger?.release(account.user)
  }

  #giveBack(account: Account): void {
    account.allocations--
    this.#total--
    this.#resting.forgetRested()
    if (account.allocations === 0) this.#resting.add(account)
  }
}
