import { Nonces } from './access/nonce.ts'
import { PeerPolicy } from './access/policy.ts'
import { type Ledger, Quota } from './access/quota.ts'
import { Revocations, type Revoked } from './access/revocations.ts'
import { selfTest } from './check/self-test.ts'
import { tlsHostsOf } from './check/served-certificate.ts'
import type { OpenRelay } from './control/allocator.ts'
import { Control } from './control/control.ts'
import { Counters } from './counters.ts'
import { openListeners } from './listeners/listeners.ts'
import { Relay } from './relay/relay.ts'
import { RelayPorts } from './relay/relay-ports.ts'
import { readOptions, relayAddress, urlsOf } from './setting.ts'
import type { Family } from './stun/endpoint.ts'
import type { Turn, TurnOptions } from './turn.ts'

/** What a process has in common with the others of its fleet (fleet/); alone it has none of it. */
export type Common = {
  /** File descriptors of UDP sockets bound already, in the order of the addresses listened on. */
  udpFds: readonly number[]
  ledger: Ledger
  nonceKey: Buffer
  revoked: Revoked
  /** Whether a live relay of another process has this announced address and port. */
  isRelayedElsewhere(address: string, port: number): boolean
  /** Told of each relay of this process as it comes and goes. */
  onRelayPort(address: string, port: number, open: boolean): void
}

/** One process that serves, and what its fleet changes while it does. */
export type Member = Turn & { readonly policy: PeerPolicy; readonly quota: Quota }

/** Puts all parts together; resolves once all ports are bound. Throws as createTurn does. */
export const createMember = async (options: TurnOptions, common?: Common): Promise<Member> => {
  const { logger, listenAddress, realm } = options
  const { limits, credentials, announced, range } = readOptions(options)
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
      ports: { has: port => used.has(port) || (common?.isRelayedElsewhere(address, port) ?? false) },
    })),
  })
  const counters = new Counters()
  const quota = new Quota(limits, common?.ledger)
  const revocations = new Revocations(common?.revoked)
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
    if (common) {
      const { port } = socket.address()
      common.onRelayPort(address, port, true)
      socket.once('close', () => common.onRelayPort(address, port, false))
    }
    return new Relay({ socket, client, account, announced: address, policy, limits, counters, onError })
  }
  const control = new Control({
    logger,
    realm,
    families: [...ports.keys()],
    credentials,
    revocations,
    nonces: new Nonces(limits.nonceSeconds, common?.nonceKey),
    policy,
    quota,
    limits,
    counters,
    bindPorts: async (family, wish) => own(family).ports.bind(wish),
    openRelay,
  })
  const listeners = await openListeners(
    { ...options, udpFds: common?.udpFds },
    {
      limits,
      onRequest: (packet, client) => control.handle(packet, client),
      onGone: client => control.endClient(client),
      onRefused: reason => counters.refuse(reason),
      onError,
    },
  )
  const { port, tlsPorts, addresses } = listeners
  const hosts = announced.map(({ address }) => address)
  const tlsHosts = await tlsHostsOf(options.tls, hosts)
  let draining = false
  let closed: Promise<void> | undefined
  return {
    policy,
    quota,
    port,
    tlsPorts,
    addresses,
    urls: urlsOf(announced, port, tlsPorts, tlsHosts),
    stats: () => ({
      allocations: control.allocations,
      allocationsByTransport: control.byTransport,
      users: quota.users,
      allocationsMade: counters.allocationsMade,
      packetsToPeers: counters.packetsToPeers,
      bytesToPeers: counters.bytesToPeers,
      packetsToClients: counters.packetsToClients,
      bytesToClients: counters.bytesToClients,
      refused: Object.fromEntries(counters.refused),
      draining,
      processes: closed ? 0 : 1,
      processesLost: 0,
    }),
    selfTest: () =>
      selfTest({
        listen: listenAddress,
        announced: hosts,
        port,
        tlsPorts,
        tlsHosts,
        range,
        credentials,
        policy,
      }),
    revoke: (user, expiry) => {
      revocations.add(user, expiry)
      return control.endUser(user)
    },
    drain: ms => {
      draining = true
      return control.drain(ms)
    },
    close: () => {
      closed ??= (async () => {
        control.close()
        await listeners.close()
      })()
      return closed
    },
  }
}
