import type { PeerPolicy } from '../access/policy.ts'
import type { Limits } from '../limits.ts'
import type { Relay } from '../relay/relay.ts'
import { type Endpoint, FAMILY, type Family } from '../stun/endpoint.ts'
import { CHANNEL_MAX, CHANNEL_MIN } from '../stun/stun.ts'

/** STUN error code and reason phrase. */
export type Rejection = readonly [code: number, reason: string]

export const UNKNOWN_ATTRIBUTE: Rejection = [420, 'Unknown Attribute']
const BAD_REQUEST: Rejection = [400, 'Bad Request']
const FORBIDDEN: Rejection = [403, 'Forbidden']
const MISMATCH: Rejection = [437, 'Allocation Mismatch']
const FAMILY_NOT_SUPPORTED: Rejection = [440, 'Address Family not Supported']
const FAMILY_MISMATCH: Rejection = [443, 'Peer Address Family Mismatch']
export const QUOTA: Rejection = [486, 'Allocation Quota Reached']
export const CAPACITY: Rejection = [508, 'Insufficient Capacity']

/** The part of an authenticated request the checks look at; attribute names as in the RFCs, lower case. */
type Asked = { getAttribute(name: string): unknown; getAttributes(name: string): unknown[] }

/** What a request must satisfy before node-turn's handler sees it, and so before anything is stored. */
export class Admission {
  readonly #policy: PeerPolicy
  readonly #limits: Limits
  /** What we relay in: the families of the announced addresses. */
  readonly #families: readonly Family[]

  constructor(policy: PeerPolicy, limits: Limits, families: readonly Family[]) {
    this.#policy = policy
    this.#limits = limits
    this.#families = families
  }

  /** The family to relay in when none is asked for: IPv4 (RFC 8656 section 7.2), or what there is. */
  get defaultFamily(): Family {
    return this.#families.includes(FAMILY.ipv4) ? FAMILY.ipv4 : FAMILY.ipv6
  }

  allocate(requestedFamily: number | undefined): Rejection | undefined {
    return requestedFamily === undefined || (this.#families as readonly number[]).includes(requestedFamily)
      ? undefined
      : FAMILY_NOT_SUPPORTED
  }

  refresh(requestedFamily: number | undefined, relay: Relay | undefined): Rejection | undefined {
    if (!relay) return MISMATCH
    return requestedFamily === undefined || requestedFamily === relay.family ? undefined : FAMILY_MISMATCH
  }

  createPermission(asked: Asked, relay: Relay | undefined): Rejection | undefined {
    if (!relay) return MISMATCH
    const peers = asked.getAttributes('xor-peer-address') as Endpoint[]
    if (peers.length === 0) return BAD_REQUEST
    if (peers.some(peer => peer.family !== relay.family)) return FAMILY_MISMATCH
    if (!peers.every(peer => this.#policy.mayPermit(relay.account.user, peer.address))) return FORBIDDEN
    return relay.hasRoomFor(peers.map(peer => peer.address)) ? undefined : CAPACITY
  }

  channelBind(asked: Asked, relay: Relay | undefined): Rejection | undefined {
    if (!relay) return MISMATCH
    const number = asked.getAttribute('channel-number') as number | undefined
    const peer = asked.getAttribute('xor-peer-address') as Endpoint | undefined
    if (!number || !peer || number < CHANNEL_MIN || number > CHANNEL_MAX) return BAD_REQUEST
    if (peer.family !== relay.family) return FAMILY_MISMATCH
    if (!this.#policy.mayExchange(relay.account.user, peer.address, peer.port)) return FORBIDDEN
    if (!relay.hasRoomFor([peer.address])) return CAPACITY
    const channels = relay.channels()
    return channels.has(number) || channels.size < this.#limits.channelsPerAllocation ? undefined : CAPACITY
  }

  /** @returns the lifetime to grant, in seconds (RFC 8656 sections 7.2 and 8.2); 0 is for the caller */
  lifetime(asked: number | undefined): number {
    const { defaultLifetimeSeconds, maxLifetimeSeconds } = this.#limits
    return Math.max(defaultLifetimeSeconds, Math.min(asked ?? 0, maxLifetimeSeconds))
  }
}
