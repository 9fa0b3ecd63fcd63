import { availableParallelism } from 'node:os'
import { ConfigError, connectLink, serveLink } from '@trunkline/kit'
import { TURN_CONTRACT, type TurnRequestName, type TurnService, type TurnStatus } from '@trunkline/protocol'
import type { AllowedPeer, Turn, TurnOptions } from '@trunkline/turn'
import { countTurn } from './metrics.ts'
import type { Composition, Service } from './platform.ts'
import { linkSecret, turnSecrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import type { RunningSfu } from './sfu.ts'
import { TurnWatch } from './turn-watch.ts'

/** The registered port of TURN over TLS (RFC 8656 section 14). */
const TLS_PORT = 5349
/** Tells its link from the SFU's, where one process serves both. */
const LINK = 'turn'
const ADVICE_WHEN_DOWN =
  'Check that TURN runs there, TURN_LINKS, that its port is open to this machine, and that TRUNKLINE_SECRET is the same.'

/**
 * Where the SFU takes media: what may be relayed to. One of another process is told by the same settings as it: a port
 * per worker from RTC_PORT on, those among them that run there for other machines.
 */
const sfuPorts = ({ settings, services }: Composition, sfu: RunningSfu | undefined): number[] => {
  if (services.has('sfu')) return sfu?.ports ?? []
  const workers = settings.RTC_WORKERS ?? availableParallelism()
  return Array.from({ length: workers + settings.RTC_GUESTS }, (_, i) => settings.RTC_PORT + i)
}

/** Whether browsers are told of a relay at all: what the operator chose, or what the services of these processes say. */
export const hasTurn = ({ TURN_URLS, TURN_LINKS = [] }: Settings, services: ReadonlySet<Service>): boolean =>
  TURN_URLS ? TURN_URLS.some(url => /^turns?:/.test(url)) : services.has('turn') || TURN_LINKS.length > 0

/** The name in the first `turns:` address that browsers are told, where the operator chose it. */
const tlsHostOf = ({ TURN_URLS = [] }: Settings): string | undefined =>
  TURN_URLS.flatMap(url => /^turns:(?:\[([^\]]+)\]|([^:?]+))/.exec(url)?.slice(1) ?? []).find(Boolean)

/** What the settings alone say of a TURN service, for a start and for `doctor` alike. */
export const turnOptions = (
  settings: Settings,
  { listenAddress, announcedAddress }: { listenAddress: string; announcedAddress: string },
): Omit<TurnOptions, 'logger' | 'secrets' | 'allowedPeers'> => {
  const { TLS_CERT, TLS_KEY, TURN_TLS_PORTS = [TLS_PORT] } = settings
  return {
    listenAddress,
    port: settings.TURN_PORT,
    tls:
      TLS_CERT && TLS_KEY
        ? { ports: TURN_TLS_PORTS, certPath: TLS_CERT, keyPath: TLS_KEY, host: tlsHostOf(settings) }
        : undefined,
    announcedAddresses: settings.TURN_ADDRESSES ?? [announcedAddress],
    realm: 'trunkline',
    relayPortMin: settings.TURN_RELAY_PORTS.min,
    relayPortMax: settings.TURN_RELAY_PORTS.max,
    peers: settings.TURN_PEERS,
    limits: { defaultLifetimeSeconds: settings.TURN_LIFETIME_SECONDS },
  }
}

export type RunningTurn = {
  service: TurnService
  /** Takes no new relays and serves those there are, until none is left or so many ms have passed. */
  drain(ms: number): Promise<void>
}

/** Starts the TURN service of this process. Its self-test goes on beside the start. */
export const startTurn = async (
  composition: Composition,
  sfu: RunningSfu | undefined,
): Promise<RunningTurn> => {
  const { settings, services, announcedAddress, vault, logger, lifecycle, listener, metrics } = composition
  const media: AllowedPeer = { address: announcedAddress, port: sfuPorts(composition, sfu) }
  // Loaded only where it runs: a process with other services starts without it.
  const { createTurnFleet } = await import('@trunkline/turn')
  const turn = await createTurnFleet({
    ...turnOptions(settings, composition),
    processes: settings.TURN_PROCESSES,
    logger,
    secrets: turnSecrets(settings, vault),
    allowedPeers: [media, ...(settings.TURN_ALLOWED_PEERS ?? [])],
  }).catch((error: Error) => {
    throw new ConfigError(error.message)
  })
  lifecycle.add('turn', () => turn.close())
  countTurn(metrics, turn)
  const watch = new TurnWatch({ turn, logger, metrics })
  lifecycle.add('self-test of TURN', () => watch.stop())
  const service = serviceOf(turn, watch)
  // Of several processes with all services, each names the others in TURN_LINKS.
  if (!services.has('signalling') || (settings.TURN_LINKS ?? []).length > 0) {
    const link = serveLink({
      httpServer: listener.server,
      secret: linkSecret(vault),
      contract: TURN_CONTRACT,
      name: LINK,
      logger,
      handle: (name, data) => service.request(name, data as never) as Promise<never>,
    })
    lifecycle.add('link to signalling', () => link.close())
  }
  watch.start()
  return {
    service,
    drain: async ms => {
      watch.stop()
      logger.info(
        { relays: turn.stats().allocations, ms },
        'TURN takes no new relays and waits for those it has',
      )
      await turn.drain(ms)
    },
  }
}

/** The TURN service of this process, as signalling takes it. */
const serviceOf = (turn: Turn, watch: TurnWatch): TurnService => {
  const status = (): TurnStatus => {
    const { draining, ...stats } = turn.stats()
    return { urls: [...turn.urls], draining, stats, selfTest: watch.last }
  }
  const handlers = {
    'turn:status': async () => status(),
    'turn:test': async () => {
      if (!turn.stats().draining) await watch.run()
      return status()
    },
    'turn:revoke': async ({ revocations }: { revocations: { userId: string; expiry: number }[] }) => {
      const ended = revocations.map(({ userId, expiry }) => turn.revoke(userId, expiry))
      return { ended: ended.reduce((sum, one) => sum + one, 0) }
    },
  }
  return {
    name: 'here',
    request: (name: TurnRequestName, data: never) => handlers[name](data) as Promise<never>,
    // A process is never out of its own reach.
    onReconnect: () => () => {},
  }
}

/** The TURN services of other processes. */
export const connectTurns = ({ settings, vault, logger, lifecycle }: Composition): TurnService[] =>
  (settings.TURN_LINKS ?? []).map(url => {
    const link = connectLink({
      url,
      secret: linkSecret(vault),
      contract: TURN_CONTRACT,
      name: LINK,
      adviceWhenDown: ADVICE_WHEN_DOWN,
      logger,
    })
    lifecycle.add(`link to TURN at ${url}`, () => link.close())
    return { name: url, request: link.request, onReconnect: link.onReconnect }
  })
