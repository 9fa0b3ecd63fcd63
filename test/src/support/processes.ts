import type { Register } from './clean-ups.ts'
import { startDatabase } from './database.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { freePort, startServer, type TestServer } from './server.ts'

export type Processes = {
  redis: TestRedis
  /** The SFU's process; another one after it was killed and started again, so read it when it is needed. */
  sfu: TestServer
  turn: TestServer
  media: TestServer
  /** Two signalling nodes with one database and one Redis. */
  nodes: [TestServer, TestServer]
}

export const SECRET = 'the-secret-these-processes-share'

/**
 * What docker-compose.yml says, in processes instead of containers: PostgreSQL, Redis, and every service by itself,
 * signalling twice. Files are in a folder in the place of an S3 server.
 */
export const startProcesses = async (register: Register): Promise<Processes> => {
  const { url: DATABASE_URL } = await startDatabase(register)
  const redis = await startRedis(register)
  const [sfuPort, turnPort, mediaPort, portA, portB, rtcPort] = await Promise.all(
    Array.from({ length: 6 }, () => freePort().then(String)),
  )
  const shared = { TRUNKLINE_SECRET: SECRET, LOG_LEVEL: 'debug' }
  const start = (service: string, env: Record<string, string | undefined>) =>
    startServer({ services: [service], env: { ...shared, ...env } as Record<string, string>, register })

  const [sfu, turn] = await Promise.all([
    start('sfu', {
      PORT: sfuPort,
      RTC_PORT: rtcPort,
      RTC_WORKERS: '1',
      MEDIA_URL: `http://127.0.0.1:${mediaPort}`,
    }),
    start('turn', { RTC_PORT: rtcPort, TURN_PORT: turnPort }),
  ])
  const node = (PORT: string | undefined) =>
    start('signalling', {
      DATABASE_URL,
      PORT,
      REDIS_URL: redis.url,
      SFU_URL: `http://127.0.0.1:${sfuPort}`,
      MEDIA_URL: `http://127.0.0.1:${mediaPort}`,
      TURN_URLS: `stun:127.0.0.1:${turnPort},turn:127.0.0.1:${turnPort}?transport=udp`,
    })
  // All at once: a compose file that starts several does not wait either.
  const [media, ...nodes] = await Promise.all([
    start('media', { DATABASE_URL, PORT: mediaPort, SIGNALLING_URL: `http://127.0.0.1:${portA}` }),
    node(portA),
    node(portB),
  ])
  return { redis, sfu, turn, media, nodes }
}
