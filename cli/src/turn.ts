import { availableParallelism } from 'node:os'
import { ConfigError } from '@trunkline/kit'
import { countTurn } from './metrics.ts'
import type { Composition } from './platform.ts'
import { turnSecret } from './secrets.ts'
import type { RunningSfu } from './sfu.ts'

/**
 * Where the SFU takes media: the only places that may be relayed to. One of another process is told by the same
 * settings as it: a port per worker from RTC_PORT on.
 */
const sfuPorts = ({ settings, services }: Composition, sfu: RunningSfu | undefined): number[] => {
  if (services.has('sfu')) return sfu?.ports ?? []
  const workers = settings.RTC_WORKERS ?? availableParallelism()
  return Array.from({ length: workers }, (_, i) => settings.RTC_PORT + i)
}

/** Starts the TURN service and says under which addresses browsers reach it. */
export const startTurn = async (composition: Composition, sfu: RunningSfu | undefined): Promise<string[]> => {
  const { settings, listenAddress, announcedAddress, vault, logger, lifecycle } = composition
  // Loaded only where it runs: a process with other services starts without it.
  const { createTurn } = await import('@trunkline/turn')
  const turn = await createTurn({
    logger,
    listenAddress,
    port: settings.TURN_PORT,
    announcedAddresses: [announcedAddress],
    secrets: [turnSecret(settings, vault)],
    realm: 'trunkline',
    relayPortMin: settings.TURN_RELAY_PORTS.min,
    relayPortMax: settings.TURN_RELAY_PORTS.max,
    peers: 'sfu',
    allowedPeers: sfuPorts(composition, sfu).map(port => ({ address: announcedAddress, port })),
  }).catch((error: Error) => {
    throw new ConfigError(error.message)
  })
  lifecycle.add('turn', () => turn.close())
  countTurn(composition.metrics, turn)
  return [...turn.urls]
}
