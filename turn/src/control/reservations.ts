import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import type { Account } from '../access/quota.ts'
import type { Family } from '../stun/endpoint.ts'

/** A bound port that nobody relays through yet. Its account counts it as an allocation. */
export type Reservation = { readonly socket: Socket; readonly family: Family; readonly account: Account }

/** Nobody waits for what goes wrong with a port that is only held. */
const ignore = (): void => {}

/**
 * Ports kept for an Allocate to come, each under a token only its user may redeem (RFC 8656 section 7.2). How many one
 * user may keep is limited like its allocations, because each of them takes one.
 */
export class Reservations {
  readonly #lifetimeMs: number
  readonly #onExpired: (reservation: Reservation) => void
  readonly #held = new Map<string, Reservation & { readonly timer: NodeJS.Timeout }>()

  /** @param onExpired is told of a reservation nobody redeemed, whose socket is closed then */
  constructor(seconds: number, onExpired: (reservation: Reservation) => void) {
    this.#lifetimeMs = seconds * 1000
    this.#onExpired = onExpired
  }

  /** @returns the token: 8 bytes nobody can guess */
  hold(reservation: Reservation): Buffer {
    const token = randomBytes(8)
    const key = token.toString('hex')
    const timer = setTimeout(() => this.#drop(key), this.#lifetimeMs)
    reservation.socket.on('error', ignore)
    this.#held.set(key, { ...reservation, timer })
    return token
  }

  /** Hands the port over, once. @param token its hexadecimal digits @returns undefined for a token that is not this user's */
  take(token: string, user: string): Reservation | undefined {
    const held = this.#held.get(token)
    if (held?.account.user !== user) return undefined
    clearTimeout(held.timer)
    this.#held.delete(token)
    held.socket.off('error', ignore)
    return held
  }

  /** Gives up all ports, or those of one user. */
  clear(user?: string): void {
    for (const [token, { account }] of this.#held) {
      if (user === undefined || account.user === user) this.#drop(token)
    }
  }

  #drop(token: string): void {
    const held = this.#held.get(token)
    if (!held) return
    clearTimeout(held.timer)
    this.#held.delete(token)
    held.socket.close()
    this.#onExpired(held)
  }
}
