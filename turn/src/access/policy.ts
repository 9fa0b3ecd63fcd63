import { networkInterfaces } from 'node:os'
import { canonicalAddress, type Endpoint } from '../stun/endpoint.ts'
import { isPublicAddress } from './public-address.ts'

/** A peer that may be reached whatever the mode: one port, several, or a range (both ends included). */
export type AllowedPeer = {
  address: string
  port: number | readonly number[] | { readonly min: number; readonly max: number }
}

/** A list, or what returns one: asked about once a second, so it may change as workers come and go. */
export type AllowedPeers = readonly AllowedPeer[] | (() => readonly AllowedPeer[])

/** `sfu`: the allowed peers and nothing else. `public`: also the open internet and our own relayed addresses. */
export type PeerMode = 'sfu' | 'public'

const LIST_MS = 1000
const OWN_MS = 30_000
const MAX_VERDICTS = 4096

const matches = (allowed: AllowedPeer['port'], port: number): boolean => {
  if (typeof allowed === 'number') return allowed === port
  if ('min' in allowed) return port >= allowed.min && port <= allowed.max
  return allowed.includes(port)
}

/**
 * Whom a relay may talk to. Asked before a permission or a channel is stored, and again for every packet in
 * either direction, because a permission names an address only and lists change.
 */
export class PeerPolicy {
  readonly #mode: PeerMode
  readonly #source: () => readonly AllowedPeer[]
  /** By announced address, the ports of live relays: they are peers like any other. */
  readonly #relayed: ReadonlyMap<string, ReadonlySet<number>>
  readonly #selfTests = new Map<string, Endpoint>()
  readonly #verdicts = new Map<string, boolean>()
  #list: readonly AllowedPeer[] = []
  #listedAt = Number.NEGATIVE_INFINITY
  #own: ReadonlySet<string> = new Set()
  #ownAt = Number.NEGATIVE_INFINITY

  /** @param options.relayed canonical announced addresses with the ports of live relays */
  constructor(options: {
    mode: PeerMode
    allowedPeers: AllowedPeers
    relayed: readonly { address: string; ports: ReadonlySet<number> }[]
  }) {
    const { allowedPeers } = options
    this.#mode = options.mode
    this.#source = typeof allowedPeers === 'function' ? allowedPeers : () => allowedPeers
    this.#relayed = new Map(options.relayed.map(({ address, ports }) => [address, ports]))
  }

  /** Whether some port of the address may be reached: asked before a permission is stored. */
  mayPermit(user: string, address: string): boolean {
    return (
      this.#selfTests.get(user)?.address === address ||
      this.#listed(Date.now()).some(peer => peer.address === address) ||
      (this.#mode === 'public' && (this.#relayed.has(address) || this.#isForeignPublic(address)))
    )
  }

  /** Whether packets may be exchanged with exactly this peer. */
  mayExchange(user: string, address: string, port: number): boolean {
    if (port === 0) return false
    for (const peer of this.#listed(Date.now())) {
      if (peer.address === address && matches(peer.port, port)) return true
    }
    if (this.#mode === 'public') {
      if (this.#relayed.get(address)?.has(port)) return true
      if (this.#isForeignPublic(address)) return true
    }
    if (this.#selfTests.size === 0) return false
    const echo = this.#selfTests.get(user)
    return echo !== undefined && echo.address === address && echo.port === port
  }

  /** Lets one user, invented for one self-test, reach that test's own echo until the returned call. */
  allowSelfTest(user: string, echo: Endpoint): () => void {
    this.#selfTests.set(user, echo)
    return () => this.#selfTests.delete(user)
  }

  #listed(now: number): readonly AllowedPeer[] {
    if (now - this.#listedAt >= LIST_MS || now < this.#listedAt) {
      this.#listedAt = now
      this.#list = this.#source().flatMap(peer => {
        const address = canonicalAddress(peer.address)
        return address === undefined ? [] : [{ address, port: peer.port }]
      })
    }
    return this.#list
  }

  #isForeignPublic(address: string): boolean {
    const now = Date.now()
    if (now - this.#ownAt >= OWN_MS || now < this.#ownAt) {
      this.#ownAt = now
      const own = Object.values(networkInterfaces()).flatMap(list => list ?? [])
      this.#own = new Set([
        ...own.map(entry => canonicalAddress(entry.address) ?? ''),
        ...this.#relayed.keys(),
      ])
      this.#verdicts.clear()
    }
    const known = this.#verdicts.get(address)
    if (known !== undefined) return known
    const verdict = isPublicAddress(address) && !this.#own.has(address)
    if (this.#verdicts.size >= MAX_VERDICTS) this.#verdicts.clear()
    this.#verdicts.set(address, verdict)
    return verdict
  }
}
