/** Our server in mode `sfu`, as the platform starts it for processes of its own; what its limits allow is out of reach. */
import { createTurnFleet } from '../../turn/src/index.ts'
import { HOST, REALM, SECRET, type Start } from './engine.ts'

const { peers, processes }: Start = JSON.parse(process.argv[2] ?? '')
const ignore = (): void => {}
const turn = await createTurnFleet({
  processes,
  logger: { debug: ignore, info: ignore, warn: console.warn, error: console.error },
  listenAddress: HOST,
  port: 0,
  secrets: [SECRET],
  realm: REALM,
  relayPortMin: 0,
  relayPortMax: 0,
  peers: 'sfu',
  allowedPeers: [{ address: HOST, port: [peers.channel, peers.plain] }],
  limits: {
    bytesPerSecondPerUser: 1e12,
    bytesPerSecond: 1e12,
    allocationsPerUser: 4096,
    newAllocationsPerUser: 4096,
  },
})
process.send?.({ port: turn.port })
process.once('disconnect', () => void turn.close().then(() => process.exit()))
