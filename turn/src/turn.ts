import type { Logger } from '@trunkline/kit'
import { Credentials } from './access/credentials.ts'
import { Nonces } from './access/nonce.ts'
import { type AllowedPeers, type PeerMode, PeerPolicy } from './access/policy.ts'
import { Quota } from './access/quota.ts'
import { Revocations } from './access/revocations.ts'
import { type SelfTestReport, selfTest } from './check/self-test.ts'
import { Control, type OpenRelay } from './control/control.ts'
import { Counters, type Refusal } from './counters.ts'
import { type Limits, resolveLimits } from './limits.ts'
import { openListeners } from './listeners/listeners.ts'
import { Relay } from './relay/relay.ts'
import { RelayPorts } from './relay/relay-ports.ts'
import { canonicalAddress, Endpoint, type Family } from './stun/endpoint.ts'

export type TlsOptions = {
  /** 5349 is the registered one; 443 gets through most firewalls. 0 takes a free one. */
  ports: readonly number[]
  /** Paths of PEM files. They are read again when they change, so a renewed certificate needs no restart. */
  certPath: string
  keyPath: string
}

export type TurnOptions = {
  logger: Logger
  /** An address of this machine, `0.0.0.0`, or `::` for both families. Relay sockets are bound there too. */
  listenAddress: string
  /** UDP and TCP port; 0 takes a free one. */
  port: number
  /** TURN over TLS; without it there is none. */
  tls?: TlsOptions | undefined
  /** Another process may bind the same ports; the system spreads clients over all. */
  reusePort?: boolean | undefined
  /** Where clients and peers find this machine: one IP address of each family at most. Default: `listenAddress` if it is one. */
  announcedAddresses?: readonly string[] | undefined
  /** Shared with whoever mints credentials; a second one is accepted beside it while they are changed. */
  secrets: readonly string[]
  realm: string
  /** Both 0 lets the system choose each relay's port. */
  relayPortMin: number
  relayPortMax: number
  peers: PeerMode
  /** Reachable in every mode, private addresses included; in mode `sfu` nothing else is. */
  allowedPeers?: AllowedPeers | undefined
  limits?: Partial<Limits> | undefined
}

export type TurnStats = {
  allocations: number
  users: number
  allocationsMade: number
  packetsToPeers: number
  bytesToPeers: number
  packetsToClients: number
  bytesToClients: number
  refused: Partial<Record<Refusal, number>>
}

export type Turn = {
  /** The UDP and TCP port bound. */
  readonly port: number
  readonly tlsPorts: readonly number[]
  /** Where it listens, as `udp:address:port`. */
  readonly addresses: readonly string[]
  /** What browsers are given: `stun:`, then `turn:` over UDP and TCP and `turns:`, for each announced address. */
  readonly urls: readonly string[]
  stats(): TurnStats
  /** Relays a byte to itself through each announced address over each transport. Never rejects. */
  selfTest(): Promise<SelfTestReport>
  /**
   * Ends all allocations of a user and refuses credentials that expire at `expiry` or before: those minted until now.
   * @param expiry Unix seconds
   * @returns how many allocations ended
   */
  revoke(user: string, expiry: number): number
  /** Takes no new allocations; resolves when none is left or after so many ms. Those that live are served on. */
  drain(ms: number): Promise<void>
  /** Ends every allocation and frees every socket; may be called again. */
  close(): Promise<void>
}

const WILDCARDS = new Set(['0.0.0.0', '0:0:0:0:0:0:0:0'])

/** What clients are told to reach; a wildcard can't be. */
const announce = (listen: string, announced: readonly string[]): Endpoint[] => {
  const endpoints = (announced.length > 0 ? announced : [listen]).map(text => {
    const address = canonicalAddress(text)
    if (address === undefined) {
      throw new TypeError(`ANNOUNCED_ADDRESS "${text}" is not an IP address, for example 203.0.113.7`)
    }
    if (WILDCARDS.has(address)) {
      throw new TypeError(
        `TURN listens on ${listen}: set ANNOUNCED_ADDRESS to the IP address clients reach it at`,
      )
    }
    return new Endpoint(address, 0)
  })
  if (new Set(endpoints.map(({ family }) => family)).size < endpoints.length) {
    throw new TypeError(`TURN can announce one address of each family, not ${announced.join(' and ')}`)
  }
  return endpoints
}

const assertAddress = (listen: string): void => {
  if (canonicalAddress(listen) === undefined) {
    throw new TypeError(
      `TURN can't listen on "${listen}": give an IP address, for example 127.0.0.1 or 0.0.0.0`,
    )
  }
}

/** Where relay sockets are bound: as the listeners, in the family that is announced. */
const relayAddress = (listen: string, announced: Endpoint): string => {
  if (listen === '::' || WILDCARDS.has(listen)) return announced.address.includes(':') ? '::' : '0.0.0.0'
  if (new Endpoint(listen, 0).family !== announced.family) {
    throw new TypeError(`TURN listens on ${listen} but announces ${announced.address} of the other family`)
  }
  return listen
}

/**
 * Starts a STUN and TURN server (RFC 8489, RFC 8656); resolves once all its ports are bound.
 * @throws TypeError for options that make no sense, Error in one sentence when a port can't be bound
 */
export const createTurn = async (options: TurnOptions): Promise<Turn> => {
  const { logger, listenAddress, realm } = options
  if (!/^[\x21-\x7e]{1,127}$/.test(realm)) {
    throw new TypeError('The TURN realm must be 1 to 127 ASCII characters')
  }
  assertAddress(listenAddress)
  const limits = resolveLimits(options.limits)
  const credentials = new Credentials(options.secrets)
  const announced = announce(listenAddress, options.announcedAddresses ?? [])
  const range = { min: options.relayPortMin, max: options.relayPortMax }
  const ports = new Map(
    announced.map(endpoint => [
      endpoint.family,
      { announced: endpoint, ports: new RelayPorts(relayAddress(listenAddress, endpoint), range) },
    ]),
  )
  const policy = new PeerPolicy({
    mode: options.peers,
    allowedPeers: options.allowedPeers ?? [],
    relayed: [...ports.values()].map(({ announced: { address }, ports: { used } }) => ({
      address,
      ports: used,
    })),
  })
  const counters = new Counters()
  const quota = new Quota(limits)
  const revocations = new Revocations()
  const onError = (error: unknown): void => {
    counters.refuse('internal')
    logger.error({ err: error }, 'a TURN packet could not be handled')
  }
  const own = (family: Family) => {
    const found = ports.get(family)
    if (!found) throw new Error('TURN announces no address of this family')
    return found
  }
  const openRelay: OpenRelay = ({ socket, client, account, family }) => {
    const { address } = own(family).announced
    return new Relay({ socket, client, account, announced: address, policy, limits, counters, onError })
  }
  const nonces = new Nonces(limits.nonceSeconds)
  const control = new Control({
    logger,
    realm,
    families: [...ports.keys()],
    credentials,
    revocations,
    nonces,
    policy,
    quota,
    limits,
    counters,
    bindPorts: async (family, wish) => own(family).ports.bind(wish),
    openRelay,
  })
  const listeners = await openListeners(options, {
    limits,
    onRequest: (packet, client) => control.handle(packet, client),
    onGone: client => control.endClient(client),
    onRefused: reason => counters.refuse(reason),
    onError,
  })
  const { port, tlsPorts, addresses } = listeners
  const hosts = announced.map(({ address }) => address)
  logger.info({ addresses, announced: hosts, peers: options.peers }, 'TURN is listening')

  let closed: Promise<void> | undefined
  return {
    port,
    tlsPorts,
    addresses,
    urls: urlsOf(hosts, port, tlsPorts),
    stats: () => ({
      allocations: control.allocations,
      users: quota.users,
      allocationsMade: counters.allocationsMade,
      packetsToPeers: counters.packetsToPeers,
      bytesToPeers: counters.bytesToPeers,
      packetsToClients: counters.packetsToClients,
      bytesToClients: counters.bytesToClients,
      refused: Object.fromEntries(counters.refused),
    }),
    selfTest: () =>
      selfTest({ listen: listenAddress, announced: hosts, port, tlsPorts, range, credentials, policy }),
    revoke: (user, expiry) => {
      revocations.add(user, expiry)
      return control.endUser(user)
    },
    drain: ms => control.drain(ms),
    close: () => {
      closed ??= (async () => {
        control.close()
        await listeners.close()
        logger.info('TURN is closed')
      })()
      return closed
    },
  }
}

/** STUN and TURN URIs (RFC 7064, RFC 7065) in the order clients should be given them. */
const urlsOf = (hosts: readonly string[], port: number, tlsPorts: readonly number[]): string[] =>
  hosts.flatMap(host => {
    const at = host.includes(':') ? `[${host}]` : host
    return [
      `stun:${at}:${port}`,
      `turn:${at}:${port}?transport=udp`,
      `turn:${at}:${port}?transport=tcp`,
      ...tlsPorts.map(tls => `turns:${at}:${tls}?transport=tcp`),
    ]
  })
