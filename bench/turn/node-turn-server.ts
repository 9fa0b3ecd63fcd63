/** node-turn 0.0.6 as published. Nothing types what starts it, so it is required. */
import { createRequire } from 'node:module'
import { HOST, NODE_TURN_USER, REALM, type Start } from './engine.ts'

const TurnServer = createRequire(import.meta.url)('node-turn')
const { port }: Start = JSON.parse(process.argv[2] ?? '')
new TurnServer({
  listeningIps: [HOST],
  relayIps: [HOST],
  listeningPort: port,
  authMech: 'long-term',
  realm: REALM,
  credentials: { [NODE_TURN_USER.username]: NODE_TURN_USER.password },
}).start()
process.send?.({ port })
process.once('disconnect', () => process.exit())
