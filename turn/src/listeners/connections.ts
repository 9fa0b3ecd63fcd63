import { isIPv4 } from 'node:net'
import { Throttle } from '../access/throttle.ts'
import type { Refusal } from '../counters.ts'
import type { Limits } from '../limits.ts'

/** A connection as far as it is counted. */
export type Counted = {
  /** The client's address, spelled canonically. */
  readonly address: string
  /** Closes it and removes it from here, at once. */
  destroy(): void
}

/** Who is counted as one: an IPv6 client has the addresses of a whole /64 to itself. */
const sourceOf = (address: string): string => (isIPv4(address) ? address : address.split(':', 4).join(':'))

/**
 * How many connections there are, in all and of each address. One without an allocation has to get one in time,
 * and gives way to newcomers when there are too many: so strangers can't keep out those who have a credential,
 * and lose nobody his call.
 */
export class Connections {
  readonly #limits: Limits
  readonly #onRefused: (reason: Refusal) => void
  readonly #bySource = new Map<string, Set<Counted>>()
  /** Those without an allocation, and when their time is up (ms), which is in the order of the map. */
  readonly #waiting = new Map<Counted, number>()
  readonly #handshakes: Throttle
  #count = 0
  #timer: NodeJS.Timeout | undefined

  constructor(limits: Limits, onRefused: (reason: Refusal) => void) {
    this.#limits = limits
    this.#onRefused = onRefused
    this.#handshakes = new Throttle(limits.handshakesPerAddress, limits.handshakeSeconds)
  }

  get count(): number {
    return this.#count
  }

  /** @returns whether one more from this address fits, where need be in the place of one that waits */
  makeRoomFor(address: string): boolean {
    const same = this.#bySource.get(sourceOf(address))
    const { connections, connectionsPerAddress } = this.#limits
    const hasRoom =
      (same === undefined || same.size < connectionsPerAddress || this.#displace(same)) &&
      (this.#count < connections || this.#displace(this.#waiting.keys()))
    if (!hasRoom) this.#onRefused('connections')
    return hasRoom
  }

  /** @returns whether this address may have one more TLS handshake, which is counted then */
  mayShakeHands(address: string): boolean {
    const source = sourceOf(address)
    if (this.#handshakes.blocked(source)) {
      this.#onRefused('throttled')
      return false
    }
    this.#handshakes.count(source)
    return true
  }

  /** Counts it, until `remove`. It waits from now on. */
  add(connection: Counted): void {
    const source = sourceOf(connection.address)
    const same = this.#bySource.get(source) ?? new Set()
    this.#bySource.set(source, same.add(connection))
    this.#count++
    this.wait(connection)
  }

  remove(connection: Counted): void {
    const source = sourceOf(connection.address)
    const same = this.#bySource.get(source)
    if (!same?.delete(connection)) return
    if (same.size === 0) this.#bySource.delete(source)
    this.#count--
    this.#waiting.delete(connection)
  }

  /** It holds no allocation: its time starts. */
  wait(connection: Counted): void {
    const ms = this.#limits.connectionSeconds * 1000
    this.#waiting.delete(connection)
    this.#waiting.set(connection, Date.now() + ms)
    this.#timer ??= setTimeout(() => this.#expire(), ms)
  }

  /** It holds an allocation, whose lifetime is its own. */
  settle(connection: Counted): void {
    this.#waiting.delete(connection)
  }

  /** Closes them all. */
  close(): void {
    clearTimeout(this.#timer)
    for (const same of this.#bySource.values()) {
      for (const connection of same) connection.destroy()
    }
  }

  /** Closes the one of these that waits longest. */
  #displace(among: Iterable<Counted>): boolean {
    for (const connection of among) {
      if (!this.#waiting.has(connection)) continue
      this.#onRefused('connections')
      connection.destroy()
      return true
    }
    return false
  }

  #expire(): void {
    this.#timer = undefined
    const now = Date.now()
    for (const [connection, until] of this.#waiting) {
      if (until > now) {
        this.#timer = setTimeout(() => this.#expire(), until - now)
        return
      }
      this.#onRefused('deadline')
      connection.destroy()
    }
  }
}
