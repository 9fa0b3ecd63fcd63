import { availableParallelism } from 'node:os'
import { ConfigError } from '@trunkline/kit'
import type { AllowedPeer, Turn, TurnOptions } from '@trunkline/turn'
import { countTurn } from './metrics.ts'
import type { Composition } from './platform.ts'
import { turnSecrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import type { RunningSfu } from './sfu.ts'

/** The registered port of TURN over TLS (RFC 8656 section 14). */
const TLS_PORT = 5349

/**
 * Where the SFU takes media: what may be relayed to. One of another process is told by the same settings as it: a port
 * per worker from RTC_PORT on.
 */
const sfuPorts = ({ settings, services }: Composition, sfu: RunningSfu | undefined): number[] => {
  if (services.has('sfu')) return sfu?.ports ?? []
  const workers = settings.RTC_WORKERS ?? availableParallelism()
  return Array.from({ length: workers }, (_, i) => settings.RTC_PORT + i)
}

/** What the settings alone say of a TURN service, for a start and for `doctor` alike. */
export const turnOptions = (
  settings: Settings,
  { listenAddress, announcedAddress }: { listenAddress: string; announcedAddress: string },
): Omit<TurnOptions, 'logger' | 'secrets' | 'allowedPeers'> => {
  const { TLS_CERT, TLS_KEY, TURN_TLS_PORTS = [TLS_PORT] } = settings
  return {
    listenAddress,
    port: settings.TURN_PORT,
    tls: TLS_CERT && TLS_KEY ? { ports: TURN_TLS_PORTS, certPath: TLS_CERT, keyPath: TLS_KEY } : undefined,
    announcedAddresses: settings.TURN_ADDRESSES ?? [announcedAddress],
    realm: 'trunkline',
    relayPortMin: settings.TURN_RELAY_PORTS.min,
    relayPortMax: settings.TURN_RELAY_PORTS.max,
    peers: settings.TURN_PEERS,
    limits: { defaultLifetimeSeconds: settings.TURN_LIFETIME_SECONDS },
  }
}

/** Starts the TURN service of this process. */
export const startTurn = async (composition: Composition, sfu: RunningSfu | undefined): Promise<Turn> => {
  const { settings, announcedAddress, vault, logger, lifecycle } = composition
  const media: AllowedPeer = { address: announcedAddress, port: sfuPorts(composition, sfu) }
  // Loaded only where it runs: a process with other services starts without it.
  const { createTurn } = await import('@trunkline/turn')
  const turn = await createTurn({
    ...turnOptions(settings, composition),
    logger,
    secrets: turnSecrets(settings, vault),
    allowedPeers: [media, ...(settings.TURN_ALLOWED_PEERS ?? [])],
  }).catch((error: Error) => {
    throw new ConfigError(error.message)
  })
  lifecycle.add('turn', () => turn.close())
  countTurn(composition.metrics, turn)
  return turn
}
