import { createRedis } from '@trunkline/kit'
import { checkpointKey } from '@trunkline/protocol'
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
  const another = () => start(['sfu'], { RTC_WORKERS: '1' })
  const [sfus, nodes] = await Promise.all([
    Promise.all(Array.from({ length: counts.sfus }, another)),
    Promise.all(Array.from({ length: counts.nodes }, () => start(['signalling'], { DATABASE_URL }))),
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

/** Resolves once it is written down who is in a room's call, for another SFU to go on with it. */
export const writtenDown = async ({ redis }: TestFleet, roomId: string, texts: string[]): Promise<void> => {
  const client = await createRedis(redis.url, silent)
  try {
    await client.connect()
    await until('the call is written down', async () => {
      const written = (await client.get(checkpointKey(roomId))) ?? ''
      return texts.every(text => written.includes(text))
    })
  } finally {
    client.destroy()
  }
}

/** How many calls an SFU has. */
export const callsOf = ({ workers }: Seen): number => workers.reduce((sum, { calls }) => sum + calls, 0)

/** The SFU that has calls, of those of a test, of which one has. */
export const homeOf = async ({
  sfus,
  nodes,
}: TestFleet): Promise<{ home: TestServer; others: TestServer[] }> => {
  const [busy] = (await nodesOf(nodes[0]?.url ?? '')).filter(node => callsOf(node) > 0)
  const home = sfus.find(({ url }) => url === busy?.url)
  if (!home) throw new Error('no SFU has a call')
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
