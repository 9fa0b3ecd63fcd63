import { ConfigError } from '@trunkline/kit'
import type { Composition } from './platform.ts'
import { turnSecret } from './secrets.ts'
import type { RunningSfu } from './sfu.ts'

/** Media ports allowed behind an SFU of another process: as many workers as a large machine has. */
const REMOTE_SFU_PORTS = 64

/** Starts the TURN service and says under which addresses browsers reach it. */
export const startTurn = async (composition: Composition, sfu: RunningSfu | undefined): Promise<string[]> => {
  const { settings, listenAddress, announcedAddress, vault, logger, lifecycle } = composition
  // Loaded only where it runs: a process with other services starts without it.
  const { createTurn } = await import('@trunkline/turn')
  const ports = sfu?.ports.length
    ? sfu.ports
    : Array.from({ length: REMOTE_SFU_PORTS }, (_, i) => settings.RTC_PORT + i)
  const [relayPortMin, relayPortMax] = settings.TURN_RELAY_PORTS.split('-').map(Number) as [number, number]
  const turn = await createTurn({
    logger,
    listenAddress,
    port: settings.TURN_PORT,
    announcedAddress,
    secrets: [turnSecret(settings, vault)],
    realm: 'trunkline',
    relayPortMin,
    relayPortMax,
    peers: 'sfu',
    allowedPeers: ports.map(port => ({ address: announcedAddress, port })),
  }).catch((error: Error) => {
    throw new ConfigError(error.message)
  })
  lifecycle.add('turn', () => turn.close())
  const host = announcedAddress.includes(':') ? `[${announcedAddress}]` : announcedAddress
  return [`stun:${host}:${turn.port}`, `turn:${host}:${turn.port}?transport=udp`]
}
