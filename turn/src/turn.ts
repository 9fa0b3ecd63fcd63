import type { AllowedPeer, PeerMode } from './access/policy.ts'
import type { SelfTestReport } from './check/self-test.ts'
import type { Refusal } from './counters.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './log.ts'
import { createMember } from './member.ts'
import type { Transport } from './stun/transport.ts'

export type TlsOptions = {
  /** 5349 is the registered one; 443 gets through most firewalls. 0 takes a free one. */
  ports: readonly number[]
  /** Paths of PEM files. They are read again when they change, so a renewed certificate needs no restart. */
  certPath: string
  keyPath: string
  /** What clients call us over TLS. Default: the announced address if the certificate is for it, else the name it is for. */
  host?: string | undefined
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
  allowedPeers?: readonly AllowedPeer[] | undefined
  limits?: Partial<Limits> | undefined
}

export type TurnStats = {
  allocations: number
  allocationsByTransport: Record<Transport, number>
  users: number
  allocationsMade: number
  packetsToPeers: number
  bytesToPeers: number
  packetsToClients: number
  bytesToClients: number
  refused: Partial<Record<Refusal, number>>
  /** Whether new allocations are refused because the server is to end. */
  draining: boolean
  /** Processes that serve now. */
  processes: number
  /** Processes that ended by themselves, with every allocation they had, since the start. */
  processesLost: number
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
  /** Ends every allocation, process and socket; may be called again. */
  close(): Promise<void>
}

/**
 * Starts a STUN and TURN server (RFC 8489, RFC 8656) in this process; resolves once all its ports are bound.
 * @throws TypeError for options that make no sense, Error in one sentence when a port can't be bound
 */
export const createTurn = async (options: TurnOptions): Promise<Turn> => {
  const { logger, peers } = options
  const { turn } = await createMember(options)
  logger.info({ addresses: turn.addresses, urls: turn.urls, peers }, 'TURN is listening')
  let closed: Promise<void> | undefined
  return {
    ...turn,
    close: () => {
      closed ??= turn.close().then(() => logger.info({}, 'TURN is closed'))
      return closed
    },
  }
}
