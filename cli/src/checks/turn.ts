import { createLogger } from '@trunkline/kit'
import { createTurn } from '@trunkline/turn'
import { type Check, failed, ok } from './check.ts'

/** TURN relays a byte to itself through the announced address; on a free port when the real one is in use. */
export const turn: Check = {
  name: 'turn',
  run: async ({ settings, listenAddress, announcedAddress, running }) => {
    try {
      const relay = await createTurn({
        logger: createLogger({ name: 'doctor', level: 'silent' }),
        listenAddress,
        port: running ? 0 : settings.TURN_PORT,
        announcedAddresses: [announcedAddress],
        secrets: ['only-for-this-check'],
        realm: 'trunkline',
        relayPortMin: settings.TURN_RELAY_PORTS.min,
        relayPortMax: settings.TURN_RELAY_PORTS.max,
        peers: 'sfu',
        allowedPeers: [],
      })
      const { results } = await relay.selfTest()
      await relay.close()
      for (const result of results) if (!result.ok) return failed(result.cause, result.fix)
      return ok(
        `relays through ${results.map(({ transport, address }) => `${transport} ${address}`).join(', ')}`,
      )
    } catch (error) {
      return failed(
        (error as Error).message,
        'free the port, or set TURN_PORT; set ANNOUNCED_ADDRESS to an address of this machine',
      )
    }
  },
}
