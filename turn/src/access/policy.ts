import { networkInterfaces } from 'node:os'
import { isPublicAddress } from '@trunkline/kit'
import { canonicalAddress, type Endpoint } from '../stun/endpoint.ts'

/** A peer that may be reached whatever the mode: one port, several, or a range (both ends included). */
export type AllowedPeer = {
  address: string
  port: number | readonly number[] | { readonly min: number; readonly max: number }
}

/** `sfu`: the allowed peers and nothing else. `public`: also the open internet and our own relayed addresses. */
export type PeerMode = 'sfu' | 'public'

/** Which ports of an address are those of live relays. */
export type LivePorts = { has(port: number): boolean }

/** How long the addresses of this machine are taken for what they were, ms. */
const OWN_MS = 30_000
/** Public addresses or not, remembered: more peers than one call has, little enough to hold. */
const MAX_VERDICTS = 4096

/** The allowed ports of one address. */
class Ports {
  readonly #single = new Set<number>()
  readonly #ranges: { readonly min: number; readonly max: number }[] = []

  add(port: AllowedPeer['port']): void {
    if (typeof port === 'number') this.#single.add(port)
    else if ('min' in port) this.#ranges.push(port)
    else for (const each of port) this.#single.add(each)
  }

  has(port: number): boolean {
    if (this.#single.has(port)) return true
    for (const { min, max } of this.#ranges) if (port >= min && port <= max) return true
    return false
  }
}

/** By canonical address, because it is asked for every packet. An address that is none is left out. */
const byAddress = (peers: readonly AllowedPeer[]): ReadonlyMap<string, Ports> => {
  const all = new Map<string, Ports>()
  for (const peer of peers) {
    const address = canonicalAddress(peer.address)
    if (address === undefined) continue
    const ports = all.get(address) ?? new Ports()
    ports.add(peer.port)
    all.set(address, ports)
  }
  return all
}

/**
 * Whom a relay may talk to. Asked before a permission or a channel is stored, and again for every packet in
 * either direction, because a permission names an address and no port.
 */
export class PeerPolicy {
  readonly #mode: PeerMode
  readonly #allowed: ReadonlyMap<string, Ports>
  /** By announced address, the ports of live relays: they are peers like any other. */
  readonly #relayed: ReadonlyMap<string, LivePorts>
  readonly #selfTests = new Map<string, Endpoint>()
  readonly #verdicts = new Map<string, boolean>()
  #own: ReadonlySet<string> = new Set()
  #ownAt = Number.NEGATIVE_INFINITY

  /** @param options.relayed canonical announced addresses with the ports of live relays */
  constructor(options: {
    mode: PeerMode
    allowedPeers: readonly AllowedPeer[]
    relayed: readonly { address: string; ports: LivePorts }[]
  }) {
    this.#mode = options.mode
    this.#allowed = byAddress(options.allowedPeers)
    this.#relayed = new Map(options.relayed.map(({ address, ports }) => [address, ports]))
  }

  /** Whether some port of the address may be reached: asked before a permission is stored. */
  mayPermit(user: string, address: string): boolean {
    return (
      this.#selfTests.get(user)?.address === address ||
      this.#allowed.has(address) ||
      (this.#mode === 'public' && (this.#relayed.has(address) || this.#isForeignPublic(address)))
    )
  }

  /** Whether packets may be exchanged with exactly this peer. */
  mayExchange(user: string, address: string, port: number): boolean {
    if (port === 0) return false
    if (this.#allowed.get(address)?.has(port)) return true
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
