import type { NoRoom } from '../access/quota.ts'
import { Resting } from '../access/resting.ts'
import type { Limits } from '../limits.ts'

/** One process of the fleet, by number; whoever replaces it has the same. */
export type Slot = number

/** What of the bandwidth is a process's: of all users, and of some. Bytes per second. */
export type Shares = {
  total: number
  users: {
    user: string
    bytesPerSecond: number
    /** Whether it starts with nothing saved up. */
    empty: boolean
  }[]
}

type Entry = { count: number; readonly bySlot: Map<Slot, number> }

/**
 * Counts the allocations of all processes together, by user and in all, and shares bandwidth among the processes in
 * proportion to the allocations each has: no message is needed for a packet, and no sum of shares exceeds a limit.
 */
export class FleetLedger {
  readonly #limits: Limits
  readonly #slots: number
  readonly #entries = new Map<string, Entry>()
  readonly #resting = new Resting<string>(user => this.#entries.delete(user))
  readonly #bySlot = new Map<Slot, number>()
  #total = 0

  constructor(limits: Limits, slots: number) {
    this.#limits = limits
    this.#slots = slots
  }

  /** Allocations of all users. */
  get total(): number {
    return this.#total
  }

  /** Users with allocations. */
  get users(): number {
    return this.#entries.size - this.#resting.size
  }

  allocationsOf(user: string): number {
    return this.#entries.get(user)?.count ?? 0
  }

  /** Takes one allocation of the user in the process. @returns why not, or undefined */
  take(slot: Slot, user: string): NoRoom | undefined {
    this.#resting.forgetRested()
    if (this.#total >= this.#limits.allocations) return 'capacity'
    const entry = this.#entries.get(user) ?? { count: 0, bySlot: new Map<Slot, number>() }
    if (entry.count >= this.#limits.allocationsPerUser) return 'quota'
    this.#entries.set(user, entry)
    this.#resting.delete(user)
    entry.count++
    entry.bySlot.set(slot, (entry.bySlot.get(slot) ?? 0) + 1)
    this.#total++
    this.#bySlot.set(slot, (this.#bySlot.get(slot) ?? 0) + 1)
    return undefined
  }

  release(slot: Slot, user: string): void {
    this.#remove(slot, user, 1)
  }

  /** Gives back everything a process held that is no more. @returns the users it had allocations of */
  drop(slot: Slot): string[] {
    const users = [...this.#entries].flatMap(([user, { bySlot }]) =>
      bySlot.has(slot) ? [[user, bySlot.get(slot) ?? 0] as const] : [],
    )
    for (const [user, count] of users) this.#remove(slot, user, count)
    return users.map(([user]) => user)
  }

  /** The processes in which the user has allocations. */
  slotsOf(user: string): Slot[] {
    return [...(this.#entries.get(user)?.bySlot.keys() ?? [])]
  }

  /** A process's share of the user's bandwidth. */
  userShare(slot: Slot, user: string): number {
    const { count = 1, bySlot } = this.#entries.get(user) ?? {}
    return (this.#limits.bytesPerSecondPerUser * (bySlot?.get(slot) ?? 0)) / Math.max(1, count)
  }

  /** A process's share of all bandwidth; as long as nobody has an allocation all have the same. */
  totalShare(slot: Slot): number {
    const { bytesPerSecond } = this.#limits
    if (this.#total === 0) return bytesPerSecond / this.#slots
    return (bytesPerSecond * (this.#bySlot.get(slot) ?? 0)) / this.#total
  }

  /** Whether the user has, or had until a moment ago, allocations in other processes: their burst is not to be had anew. */
  isKnownElsewhere(slot: Slot, user: string): boolean {
    this.#resting.forgetRested()
    const entry = this.#entries.get(user)
    return entry !== undefined && !entry.bySlot.has(slot)
  }

  #remove(slot: Slot, user: string, count: number): void {
    const entry = this.#entries.get(user)
    const held = entry?.bySlot.get(slot) ?? 0
    // What a process gave back twice, or gives back after it was dropped, is nobody else's.
    if (!entry || held < count) return
    entry.count -= count
    if (held === count) entry.bySlot.delete(slot)
    else entry.bySlot.set(slot, held - count)
    this.#total -= count
    this.#bySlot.set(slot, (this.#bySlot.get(slot) ?? 0) - count)
    this.#resting.forgetRested()
    if (entry.count === 0) this.#resting.add(user)
  }
}
