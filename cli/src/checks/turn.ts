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
        announcedAddress,
        secrets: ['only-for-this-check'],
        realm: 'trunkline',
        relayPortMin: settings.TURN_RELAY_PORTS.min,
        relayPortMax: settings.TURN_RELAY_PORTS.max,
        peers: 'sfu',
        allowedPeers: [],
      })
      const result = await relay.selfTest()
      await relay.close()
      return result.ok
        ? ok(`relays through ${announcedAddress}:${relay.port}`)
        : failed(result.cause, result.fix)
    } catch (error) {
      return failed(
        (error as Error).message,
        'free the port, or set TURN_PORT; set ANNOUNCED_ADDRESS to an address of this machine',
      )
    }
  },
}
