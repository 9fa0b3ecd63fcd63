import type { PeerPolicy } from '../access/policy.ts'
import type { Limits } from '../limits.ts'
import type { Relay } from '../relay/relay.ts'
import type { PortWish } from '../relay/relay-ports.ts'
import { type Endpoint, FAMILY, type Family } from '../stun/endpoint.ts'
import type { AttributeValue } from '../stun/packet-check.ts'
import { ATTRIBUTE, CHANNEL_MAX, CHANNEL_MIN, UDP_TRANSPORT } from '../stun/stun.ts'

/** STUN error code and reason phrase. */
export type Rejection = readonly [code: number, reason: string]

export const BAD_REQUEST: Rejection = [400, 'Bad Request']
export const UNAUTHENTICATED: Rejection = [401, 'Unauthenticated']
const FORBIDDEN: Rejection = [403, 'Forbidden']
export const UNKNOWN_ATTRIBUTE: Rejection = [420, 'Unknown Attribute']
export const MISMATCH: Rejection = [437, 'Allocation Mismatch']
export const STALE_NONCE: Rejection = [438, 'Stale Nonce']
const FAMILY_NOT_SUPPORTED: Rejection = [440, 'Address Family not Supported']
export const WRONG_CREDENTIALS: Rejection = [441, 'Wrong Credentials']
const TRANSPORT_NOT_SUPPORTED: Rejection = [442, 'Unsupported Transport Protocol']
const FAMILY_MISMATCH: Rejection = [443, 'Peer Address Family Mismatch']
export const QUOTA: Rejection = [486, 'Allocation Quota Reached']
export const CAPACITY: Rejection = [508, 'Insufficient Capacity']

/** The part of an authenticated request the checks look at, by attribute type. */
export type Asked = {
  first(type: number): AttributeValue | undefined
  all(type: number): AttributeValue[]
}

const same = (one: Endpoint, other: Endpoint): boolean =>
  one.address === other.address && one.port === other.port

/** What a request must satisfy before node-turn's handler sees it, and so before anything is stored. */
export class Admission {
  readonly #policy: PeerPolicy
  readonly #limits: Limits
  /** What we relay in: the families of the announced addresses. */
  readonly #families: readonly number[]

  constructor(policy: PeerPolicy, limits: Limits, families: readonly Family[]) {
    this.#policy = policy
    this.#limits = limits
    this.#families = families
  }

  /** The checks of RFC 8656 section 7.2 that need no looking around, in its order. */
  allocate(asked: Asked): Rejection | undefined {
    const transport = asked.first(ATTRIBUTE.requestedTransport)
    if (transport === undefined) return BAD_REQUEST
    if (transport !== UDP_TRANSPORT) return TRANSPORT_NOT_SUPPORTED
    const family = asked.first(ATTRIBUTE.requestedAddressFamily)
    const second = asked.first(ATTRIBUTE.additionalAddressFamily)
    const even = asked.first(ATTRIBUTE.evenPort)
    if (asked.first(ATTRIBUTE.reservationToken) !== undefined) {
      return even === undefined && family === undefined && second === undefined ? undefined : BAD_REQUEST
    }
    if (family !== undefined && second !== undefined) return BAD_REQUEST
    if (family !== undefined && !this.#families.includes(Number(family))) return FAMILY_NOT_SUPPORTED
    return second === FAMILY.ipv4 || (second !== undefined && even === true) ? BAD_REQUEST : undefined
  }

  /**
   * The family to relay in. When none is asked for it is IPv4, or what there is: RFC 8656 section 7.2 wants 440 of a
   * server without IPv4, but browsers can't ask, and would have no relay at all.
   */
  family(asked: Asked): Family {
    const family = asked.first(ATTRIBUTE.requestedAddressFamily)
    if (family !== undefined) return family as Family
    return this.#families.includes(FAMILY.ipv4) ? FAMILY.ipv4 : FAMILY.ipv6
  }

  port(asked: Asked): PortWish {
    const even = asked.first(ATTRIBUTE.evenPort)
    return even === undefined ? 'any' : even === true ? 'pair' : 'even'
  }

  /** Why an allocation that was asked for in a second family as well has one only. */
  withoutSecond(family: Family): Rejection {
    return this.#families.includes(family) ? CAPACITY : FAMILY_NOT_SUPPORTED
  }

  refresh(asked: Asked, relay: Relay): Rejection | undefined {
    const family = asked.first(ATTRIBUTE.requestedAddressFamily)
    return family === undefined || family === relay.family ? undefined : FAMILY_MISMATCH
  }

  createPermission(asked: Asked, relay: Relay): Rejection | undefined {
    const peers = asked.all(ATTRIBUTE.xorPeerAddress) as Endpoint[]
    if (peers.length === 0) return BAD_REQUEST
    if (peers.some(peer => peer.family !== relay.family)) return FAMILY_MISMATCH
    if (!peers.every(peer => this.#policy.mayPermit(relay.account.user, peer.address))) return FORBIDDEN
    return relay.hasRoomFor(peers.map(peer => peer.address)) ? undefined : CAPACITY
  }

  channelBind(asked: Asked, relay: Relay): Rejection | undefined {
    const number = asked.first(ATTRIBUTE.channelNumber) as number | undefined
    const peer = asked.first(ATTRIBUTE.xorPeerAddress) as Endpoint | undefined
    if (!number || !peer || number < CHANNEL_MIN || number > CHANNEL_MAX) return BAD_REQUEST
    const channels = relay.channels()
    const bound = channels.get(number)
    if (bound && !same(bound.peer, peer)) return BAD_REQUEST
    if (!bound && [...channels.values()].some(channel => same(channel.peer, peer))) return BAD_REQUEST
    if (peer.family !== relay.family) return FAMILY_MISMATCH
    if (!this.#policy.mayExchange(relay.account.user, peer.address, peer.port)) return FORBIDDEN
    if (!relay.hasRoomFor([peer.address])) return CAPACITY
    return bound || channels.size < this.#limits.channelsPerAllocation ? undefined : CAPACITY
  }

  /** @returns the lifetime to grant, in seconds (RFC 8656 sections 7.2 and 8.2); 0 is for the caller */
  lifetime(asked: AttributeValue | undefined): number {
    const { defaultLifetimeSeconds, maxLifetimeSeconds } = this.#limits
    return Math.max(defaultLifetimeSeconds, Math.min(Number(asked ?? 0), maxLifetimeSeconds))
  }
}
