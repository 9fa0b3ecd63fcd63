import { createLogger } from '@trunkline/kit'
import { createTurn } from '@trunkline/turn'
import { turnOptions } from '../turn.ts'
import { type Check, failed, ok } from './check.ts'

/**
 * TURN relays a byte to itself through every announced address over every transport; on free ports while the real ones
 * are in use. The Trunkline that runs there is asked by `POST /v1/turn/self-test`.
 */
export const turn: Check = {
  name: 'turn',
  run: async ({ settings, running, ...addresses }) => {
    try {
      const options = turnOptions(settings, addresses)
      const relay = await createTurn({
        ...options,
        ...(running ? { port: 0, tls: options.tls && { ...options.tls, ports: [0] } } : {}),
        logger: createLogger({ name: 'doctor', level: 'silent' }),
        secrets: ['only-for-this-check'],
        allowedPeers: [],
      })
      // It never rejects.
      const { results } = await relay.selfTest()
      await relay.close()
      const wrong = results.flatMap(result => (result.ok ? [] : [result]))
      if (wrong.length > 0) {
        const fixes = new Set(wrong.map(({ fix }) => fix))
        return failed(wrong.map(({ cause }) => cause).join('; '), [...fixes].join('; '))
      }
      if (running) {
        const transports = [...new Set(results.map(({ transport }) => transport))].join(', ')
        return ok(
          `a TURN server would work here (tried on spare ports over ${transports}); POST /v1/turn/self-test asks the running one`,
        )
      }
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
