import type { Logger } from '@trunkline/kit'
import { Control } from './control.ts'
import { Counters, type Refusal } from './counters.ts'
import { Credentials } from './credentials.ts'
import { canonicalAddress, Endpoint } from './endpoint.ts'
import { type Limits, resolveLimits } from './limits.ts'
import { type Client, UdpListener } from './listeners.ts'
import { Nonces } from './nonce.ts'
import { type AllowedPeers, type PeerMode, PeerPolicy } from './policy.ts'
import { type Account, Quota } from './quota.ts'
import { Relay } from './relay.ts'
import { RelayPorts } from './relay-ports.ts'
import { type SelfTestResult, selfTest } from './self-test.ts'

export type TurnOptions = {
  logger: Logger
  /** An address of this machine, `0.0.0.0`, or `::` for both families. Relay sockets are bound there too. */
  listenAddress: string
  /** UDP port; 0 takes a free one. */
  port: number
  /** Where clients and peers find this machine: an IP address. Default: `listenAddress` if it is one address. */
  announcedAddress?: string | undefined
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
  /** The port bound. */
  readonly port: number
  /** Where it listens, as `address:port`. */
  readonly addresses: readonly string[]
  stats(): TurnStats
  /** Relays a byte to itself through the announced address. Never rejects. */
  selfTest(): Promise<SelfTestResult>
  /** Ends every allocation and frees every socket; may be called again. */
  close(): Promise<void>
}

const WILDCARDS = new Set(['0.0.0.0', '0:0:0:0:0:0:0:0'])

/** What clients are told to reach; a wildcard can't be. */
const announce = (listen: string, announced: string | undefined): Endpoint => {
  let endpoint: Endpoint
  try {
    endpoint = new Endpoint(announced ?? listen, 0)
  } catch {
    throw new TypeError(
      `ANNOUNCED_ADDRESS "${announced ?? listen}" is not an IP address, for example 203.0.113.7`,
    )
  }
  if (WILDCARDS.has(endpoint.address)) {
    throw new TypeError(
      `TURN listens on ${listen}: set ANNOUNCED_ADDRESS to the IP address clients reach it at`,
    )
  }
  return endpoint
}

const assertAddress = (listen: string): void => {
  if (canonicalAddress(listen) === undefined) {
    throw new TypeError(
      `TURN can't listen on "${listen}": give an IP address, for example 127.0.0.1 or 0.0.0.0`,
    )
  }
}

/** `::` is both wildcards as two sockets, so that IPv4 clients look like IPv4. */
const listenAddresses = (listen: string): readonly string[] =>
  listen === '::' ? ['0.0.0.0', '::'] : [listen]

/** Where relay sockets are bound: as the listener, in the family that is announced. */
const relayAddress = (listen: string, announced: Endpoint): string => {
  if (listen === '::' || WILDCARDS.has(listen)) return announced.address.includes(':') ? '::' : '0.0.0.0'
  if (new Endpoint(listen, 0).family !== announced.family) {
    throw new TypeError(`TURN listens on ${listen} but announces ${announced.address} of the other family`)
  }
  return listen
}

/**
 * Starts a STUN and TURN server (RFC 8489, RFC 8656) over UDP; resolves once it is bound.
 * @throws TypeError for options that make no sense, Error in one sentence when the port can't be bound
 */
export const createTurn = async (options: TurnOptions): Promise<Turn> => {
  const { logger, listenAddress, realm } = options
  if (!/^[\x21-\x7e]{1,127}$/.test(realm))
    throw new TypeError('The TURN realm must be 1 to 127 ASCII characters')
  assertAddress(listenAddress)
  const limits = resolveLimits(options.limits)
  const credentials = new Credentials(options.secrets)
  const announced = announce(listenAddress, options.announcedAddress)
  const range = { min: options.relayPortMin, max: options.relayPortMax }
  const ports = new RelayPorts(relayAddress(listenAddress, announced), range)
  const policy = new PeerPolicy({
    mode: options.peers,
    allowedPeers: options.allowedPeers ?? [],
    announced: announced.address,
    relayPorts: ports.used,
  })
  const counters = new Counters()
  const quota = new Quota(limits)
  const onError = (error: unknown): void => {
    counters.refuse('internal')
    logger.error({ err: error }, 'a TURN packet could not be handled')
  }
  const openRelay = async (client: Client, account: Account, even: boolean): Promise<Relay> => {
    const socket = await ports.bind(even)
    return new Relay({
      socket,
      client,
      account,
      announced: announced.address,
      policy,
      limits,
      counters,
      onError,
    })
  }
  const nonces = new Nonces(limits.nonceSeconds)
  const control = new Control({
    logger,
    realm,
    announced,
    credentials,
    nonces,
    policy,
    quota,
    limits,
    counters,
    openRelay,
  })

  const listeners: UdpListener[] = []
  let port = options.port
  try {
    for (const address of listenAddresses(listenAddress)) {
      const listener = await UdpListener.create(address, port, {
        sendQueueBytes: limits.sendQueueBytes,
        onRequest: (packet, client) => control.handle(packet, client),
        onRefused: reason => counters.refuse(reason),
        onError,
      })
      listeners.push(listener)
      port = listener.local.port
    }
  } catch (error) {
    await Promise.all(listeners.map(listener => listener.close()))
    throw error
  }
  const addresses = listeners.map(listener => listener.local.toString())
  logger.info({ addresses, announced: announced.address, peers: options.peers }, 'TURN is listening')

  let closed: Promise<void> | undefined
  return {
    port,
    addresses,
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
      selfTest({ listen: listenAddress, announced: announced.address, port, range, credentials, policy }),
    close: () => {
      closed ??= (async () => {
        control.close()
        await Promise.all(listeners.map(listener => listener.close()))
        logger.info('TURN is closed')
      })()
      return closed
    },
  }
}
