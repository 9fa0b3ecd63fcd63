import { createLogger } from '@trunkline/kit'
import { createTurn } from '@trunkline/turn'
import { turnOptions } from '../turn.ts'
import { type Check, failed, ok } from './check.ts'

/** TURN relays a byte to itself through the announced address; on a free port when the real one is in use. */
export const turn: Check = {
  name: 'turn',
  run: async ({ settings, running, ...addresses }) => {
    try {
      const options = turnOptions(settings, addresses)
      const relay = await createTurn({
        logger: createLogger({ name: 'doctor', level: 'silent' }),
        ...options,
        ...(running ? { port: 0, tls: options.tls && { ...options.tls, ports: [0] } } : {}),
        secrets: ['only-for-this-check'],
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
