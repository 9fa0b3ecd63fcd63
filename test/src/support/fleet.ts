import { createRedis, type Redis } from '@trunkline/kit'
import { checkpointKey, SFU_HOMES } from '@trunkline/protocol'
import { type Call, type Participant, Trunkline } from '@trunkline/sdk'
import { onTestFinished, vi } from 'vitest'
import { testCamera } from '../webrtc.ts'
import type { Register } from './clean-ups.ts'
import { silent, startDatabase } from './database.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { rest } from './rest.ts'
import { startServer, type TestServer } from './server.ts'
import { until } from './until.ts'

const SECRET = 'the-secret-these-processes-share'

export type TestFleet = {
  redis: TestRedis
  sfus: TestServer[]
  /** Signalling nodes. */
  nodes: TestServer[]
  /** One more SFU. */
  another(): Promise<TestServer>
}

/** Several SFU processes and signalling nodes, which know each other by Redis and nothing else. */
export const startFleet = async (
  counts: { sfus: number; nodes: number },
  register: Register = onTestFinished,
): Promise<TestFleet> => {
  const { url: DATABASE_URL } = await startDatabase(register)
  const redis = await startRedis(register)
  const shared = { TRUNKLINE_SECRET: SECRET, LOG_LEVEL: 'debug', REDIS_URL: redis.url }
  const start = (services: string[], env: Record<string, string>) =>
    startServer({ services, env: { ...shared, ...env }, register })
  const sfus: TestServer[] = []
  const another = async () => {
    const sfu = await start(['sfu'], { RTC_WORKERS: '1' })
    sfus.push(sfu)
    return sfu
  }
  const [nodes] = await Promise.all([
    Promise.all(Array.from({ length: counts.nodes }, () => start(['signalling'], { DATABASE_URL }))),
    Promise.all(Array.from({ length: counts.sfus }, another)),
  ])
  await until(
    'every node knows every SFU',
    async () => {
      const known = await Promise.all(nodes.map(({ url }) => nodesOf(url)))
      return known.every(some => (some?.length ?? 0) === counts.sfus)
    },
    60_000,
  )
  return { redis, sfus, nodes, another }
}

type Seen = { id: string; url: string; draining: boolean; workers: { calls: number; participants: number }[] }

/** The SFUs, as an operator sees them. */
export const nodesOf = async (url: string): Promise<Seen[]> => (await rest(url, 'GET', '/v1/sfu')).body.nodes

const asking = async <T>({ url }: TestRedis, ask: (client: Redis) => Promise<T>): Promise<T> => {
  const client = await createRedis(url, silent)
  try {
    await client.connect()
    return await ask(client)
  } finally {
    client.destroy()
  }
}

/** Resolves once these are in what is written down of a room's call, for another SFU to go on with it. */
export const writtenDown = ({ redis }: TestFleet, roomId: string, texts: string[]): Promise<boolean> =>
  asking(redis, client =>
    until('the call is written down', async () => {
      const written = (await client.get(checkpointKey(roomId))) ?? ''
      return texts.every(text => written.includes(text))
    }),
  )

/** How many calls an SFU has. */
export const callsOf = ({ workers }: Seen): number => workers.reduce((sum, { calls }) => sum + calls, 0)

/** The SFU that has a room's call. */
export const homeOf = async (
  { redis, sfus, nodes }: TestFleet,
  roomId: string,
): Promise<{ home: TestServer; others: TestServer[] }> => {
  const id = await asking(redis, client => client.hGet(SFU_HOMES, roomId))
  const seen = (await nodesOf(nodes[0]?.url ?? '')).find(node => node.id === id)
  const home = sfus.find(({ url }) => url === seen?.url)
  if (!home) throw new Error(`no SFU has a call in ${roomId}`)
  return { home, others: sfus.filter(sfu => sfu !== home) }
}

/** Somebody in a call, with a camera. */
export const joinCall = async (url: string, roomId: string, userId: string): Promise<Call> => {
  const body = { userId, name: userId, rooms: [{ roomId }] }
  const { token } = (await rest(url, 'POST', '/v1/tokens', { body })).body
  const client = new Trunkline({ url, token, device: { handlerName: 'Chrome111' } })
  onTestFinished(() => client.close())
  const room = await client.openRoom(roomId)
  return room.joinCall({ camera: testCamera() })
}

/** Somebody else in a call, once their camera is to be seen, by another track than before. */
export const seeing = (call: Call, userId: string, before?: MediaStreamTrack): Promise<Participant> =>
  vi.waitFor(
    () => {
      const participant = call.participants.find(one => one.userId === userId)
      const track = participant?.track('camera')
      if (!participant || !track || track === before) throw new Error(`${userId} is not to be seen`)
      return participant
    },
    { timeout: 60_000, interval: 20 },
  )

/** What a call says of others who come and go, from now on. */
export const comingAndGoing = (call: Call): string[] => {
  const said: string[] = []
  for (const name of ['participantJoined', 'participantLeft'] as const) {
    call.on(name, participant => void said.push(`${name} ${participant.userId}`))
  }
  return said
}
