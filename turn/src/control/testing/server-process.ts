import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import TurnServer from 'node-turn'
import type { Limits } from '../../limits.ts'
import { collectGarbage } from '../../testing/garbage.ts'

// A TURN server in a process of its own, so that its memory can be measured and its death be seen: node-turn as
// published, or ours. Started by bare-node-turn.test.ts with a Start as JSON; says its port, then answers each message
// with a Usage.

export type Start = {
  bare: boolean
  /** Where it listens and relays. */
  address: string
  /** A free port; ours chooses one itself. */
  port: number
  announced: string
  realm: string
  secret: string
  /** All that node-turn is to know; ours knows them by the secret. */
  users: readonly { username: string; password: string }[]
  allowedPeers: readonly { address: string; port: number }[]
  limits: Partial<Limits>
}

export type Usage = { heapBytes: number; cpuMs: number; files: number }

const startBare = async (start: Start): Promise<number> => {
  const server = new TurnServer({
    listeningIps: [start.address],
    listeningPort: start.port,
    relayIps: [start.address],
    externalIps: start.announced,
    authMech: 'long-term',
    realm: start.realm,
    credentials: Object.fromEntries(start.users.map(({ username, password }) => [username, password])),
    debugLevel: 'OFF',
  })
  server.start()
  await once(server.network.sockets[0] as NodeJS.EventEmitter, 'listening')
  return start.port
}

const startOurs = async (start: Start): Promise<number> => {
  // Only here, so that bare node-turn has nothing of ours in its process.
  const { createTurn } = await import('../../turn.ts')
  const log = () => {}
  const turn = await createTurn({
    logger: { debug: log, info: log, warn: log, error: log },
    listenAddress: start.address,
    port: 0,
    announcedAddresses: [start.announced],
    secrets: [start.secret],
    realm: start.realm,
    relayPortMin: 0,
    relayPortMax: 0,
    peers: 'sfu',
    allowedPeers: start.allowedPeers,
    limits: start.limits,
  })
  return turn.port
}

const start: Start = JSON.parse(process.argv[2] ?? '')
const port = await (start.bare ? startBare(start) : startOurs(start))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  collectGarbage()
  const { heapUsed } = process.memoryUsage()
  const usage: Usage = {
    heapBytes: heapUsed,
    cpuMs: (user + system) / 1000,
    files: readdirSync('/proc/self/fd').length,
  }
  process.send?.(usage)
})
process.send?.(port)
