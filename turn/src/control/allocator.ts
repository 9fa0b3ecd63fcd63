import type { Socket } from 'node:dgram'
import { Credentials } from '../access/credentials.ts'
import type { Account, Quota } from '../access/quota.ts'
import type { Revocations } from '../access/revocations.ts'
import { Throttle } from '../access/throttle.ts'
import type { Limits } from '../limits.ts'
import type { Client } from '../listeners/client.ts'
import type { Relay } from '../relay/relay.ts'
import type { BoundPorts, PortWish } from '../relay/relay-ports.ts'
import type { Family } from '../stun/endpoint.ts'
import { ATTRIBUTE } from '../stun/stun.ts'
import { type Admission, type Asked, CAPACITY, QUOTA, type Rejection } from './admission.ts'
import { Reservations } from './reservations.ts'

/** Binds relay sockets. @throws Error when there is no port left */
export type BindPorts = (family: Family, wish: PortWish) => Promise<BoundPorts>

/** Makes a relay of a bound socket. */
export type OpenRelay = (of: { socket: Socket; family: Family; client: Client; account: Account }) => Relay

export type AllocatorDeps = {
  quota: Quota
  revocations: Revocations
  limits: Limits
  bindPorts: BindPorts
  openRelay: OpenRelay
}

/** Why there is no relay, as the client is told. */
export class Refused extends Error {
  readonly rejection: Rejection

  constructor(rejection: Rejection) {
    super(rejection[1])
    this.rejection = rejection
  }
}

/** An accepted Allocate's share of what is scarce: its place in the quota, and ports, reserved ones included. */
export class Allocator {
  readonly #deps: AllocatorDeps
  readonly #admission: Admission
  readonly #reservations: Reservations
  /** How many each user opened of late: each is a socket, a line in the log and some 200 µs. */
  readonly #opened: Throttle
  #closed = false

  constructor(deps: AllocatorDeps, admission: Admission) {
    this.#deps = deps
    this.#admission = admission
    this.#reservations = new Reservations(deps.limits.reservationSeconds, ({ account }) =>
      deps.quota.release(account),
    )
    this.#opened = new Throttle(deps.limits.newAllocationsPerUser, deps.limits.newAllocationSeconds)
  }

  /**
   * @returns the relay, and for EVEN-PORT with its R bit the token for the port beside it
   * @throws Refused when the quota is used up, Error when there is no such port; nothing is kept then
   */
  async open(asked: Asked, client: Client, username: string): Promise<{ relay: Relay; token?: Buffer }> {
    const { quota, revocations, bindPorts, openRelay } = this.#deps
    const claim = Credentials.parse(username)
    if (!claim) throw new Error('An allocation needs a user')
    if (this.#opened.blocked(claim.user)) throw new Refused(QUOTA)
    this.#opened.count(claim.user)
    const taken: { accounts: Account[]; sockets: Socket[] } = { accounts: [], sockets: [] }
    const take = async (): Promise<Account> => {
      const account = await quota.take(claim.user)
      if (typeof account === 'string') throw new Refused(account === 'quota' ? QUOTA : CAPACITY)
      taken.accounts.push(account)
      return account
    }
    try {
      const token = asked.first(ATTRIBUTE.reservationToken)
      const reservation = token === undefined ? undefined : this.#reservations.take(String(token), claim.user)
      if (token !== undefined && !reservation) throw new Error('Nothing is reserved under this token')
      if (reservation) {
        taken.accounts.push(reservation.account)
        taken.sockets.push(reservation.socket)
      }
      const wish = this.#admission.port(asked)
      const account = reservation?.account ?? (await take())
      const nextAccount = wish === 'pair' ? await take() : undefined
      const family = reservation?.family ?? this.#admission.family(asked)
      const bound: BoundPorts = reservation ?? (await bindPorts(family, wish))
      const { socket, next } = bound
      if (!reservation) taken.sockets.push(socket, ...(next ? [next] : []))
      if (this.#closed || revocations.holds(claim.user, claim.expiry)) {
        throw new Error('The server closed, or the credential was revoked, while the relay was opened')
      }
      const relay = openRelay({ socket, family, client, account })
      if (!next || !nextAccount) return { relay }
      return { relay, token: this.#reservations.hold({ socket: next, family, account: nextAccount }) }
    } catch (error) {
      for (const account of taken.accounts) quota.release(account)
      for (const socket of taken.sockets) socket.close()
      throw error
    }
  }

  /** Gives up what a user reserved. */
  forget(user: string): void {
    this.#reservations.clear(user)
  }

  /** Gives up all reservations; what is being opened comes to nothing. */
  close(): void {
    this.#closed = true
    this.#reservations.clear()
  }
}
