import type { Socket } from 'node:dgram'
import { Nonces } from './access/nonce.ts'
import { PeerPolicy } from './access/policy.ts'
import { type Ledger, Quota } from './access/quota.ts'
import { Revocations, type Revoked } from './access/revocations.ts'
import { selfTest } from './check/self-test.ts'
import type { OpenRelay } from './control/allocator.ts'
import { Control } from './control/control.ts'
import { Counters } from './counters.ts'
import type { Pem } from './listeners/certificate.ts'
import { openListeners } from './listeners/listeners.ts'
import { Relay } from './relay/relay.ts'
import { RelayPorts } from './relay/relay-ports.ts'
import { readOptions, relayAddress, type Setting } from './setting.ts'
import type { Endpoint, Family } from './stun/endpoint.ts'
import type { Turn, TurnOptions } from './turn.ts'
import { tlsHostsOf, urlsOf } from './urls.ts'

/** What a process has in common with the others of its fleet (fleet/); alone it has none of it. */
export type Common = {
  /** File descriptors of UDP sockets bound already, in the order of the addresses listened on. */
  udpFds: readonly number[]
  /** What the certificate's files held when they were of use last. */
  lastGood: Pem | undefined
  ledger: Ledger
  nonceKey: Buffer
  revoked: Revoked
  /** Whether a live relay of another process has this announced address and port. */
  isRelayedElsewhere(address: string, port: number): boolean
  /** Told of each relay of this process as it comes and goes. */
  onRelayPort(address: string, port: number, open: boolean): void
}

/** One process that serves, and what its fleet changes while it does. */
export type Member = { readonly turn: Turn; readonly policy: PeerPolicy; readonly quota: Quota }

/** What we relay in, and where: each family that is announced. */
type Families = ReadonlyMap<Family, { announced: Endpoint; ports: RelayPorts }>

const familiesOf = (listen: string, { announced, range }: Setting): Families =>
  new Map(
    announced.map(endpoint => [
      endpoint.family,
      { announced: endpoint, ports: new RelayPorts(relayAddress(listen, endpoint), range) },
    ]),
  )

const createPolicy = (options: TurnOptions, families: Families, common: Common | undefined): PeerPolicy =>
  new PeerPolicy({
    mode: options.peers,
    allowedPeers: options.allowedPeers ?? [],
    relayed: [...families.values()].map(({ announced: { address }, ports: { used } }) => ({
      address,
      ports: { has: port => used.has(port) || (common?.isRelayedElsewhere(address, port) ?? false) },
    })),
  })

/** Notes where relays are, for the other processes. */
const noteRelay = ({ onRelayPort }: Common, socket: Socket, address: string): void => {
  const { port } = socket.address()
  onRelayPort(address, port, true)
  socket.once('close', () => onRelayPort(address, port, false))
}

const totalsOf = (counters: Counters) => ({
  allocationsMade: counters.allocationsMade,
  packetsToPeers: counters.packetsToPeers,
  bytesToPeers: counters.bytesToPeers,
  packetsToClients: counters.packetsToClients,
  bytesToClients: counters.bytesToClients,
  refused: Object.fromEntries(counters.refused),
})

/** Puts all parts together; resolves once all ports are bound. Throws as createTurn does. */
export const createMember = async (options: TurnOptions, common?: Common): Promise<Member> => {
  const { logger, listenAddress, realm } = options
  const setting = readOptions(options)
  const { limits, credentials, announced, range } = setting
  const families = familiesOf(listenAddress, setting)
  const policy = createPolicy(options, families, common)
  const counters = new Counters()
  const quota = new Quota(limits, common?.ledger)
  const revocations = new Revocations(common?.revoked)
  const onError = (error: unknown): void => {
    counters.refuse('internal')
    logger.error({ err: error }, 'a TURN packet could not be handled')
  }
  const own = (family: Family) => {
    const found = families.get(family)
    if (!found) throw new Error('TURN announces no address of this family')
    return found
  }
  const openRelay: OpenRelay = ({ socket, client, account, family }) => {
    const { address } = own(family).announced
    if (common) noteRelay(common, socket, address)
    return new Relay({ socket, client, account, announced: address, policy, limits, counters, onError })
  }
  const control = new Control({
    logger,
    realm,
    families: [...families.keys()],
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
    { ...options, udpFds: common?.udpFds, lastGood: common?.lastGood },
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
  const tlsHosts = tlsHostsOf(listeners.certificate, options.tls?.host, hosts)
  let draining = false
  let closed: Promise<void> | undefined
  const turn: Turn = {
    port,
    tlsPorts,
    addresses,
    urls: urlsOf(announced, port, tlsPorts, tlsHosts),
    stats: () => ({
      allocations: control.allocations,
      allocationsByTransport: control.byTransport,
      users: quota.users,
      ...totalsOf(counters),
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
  return { turn, policy, quota }
}
