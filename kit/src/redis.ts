import type { Logger } from './logger.ts'
import { within } from './within.ts'

export type Redis = Awaited<ReturnType<typeof createRedis>>

/** How often it is asked whether it is there, ms. */
const PING_MS = 1_000
/** After so long without a word from it a connection is given up, ms. Blocking reads must be shorter. */
const SILENCE_MS = 3_000

/** A Redis client that reconnects by itself. Not connected yet: call `connect()`. */
export const createRedis = async (url: string, logger: Logger) => {
  // Loaded only by who has one: it is a quarter of all modules.
  const { createClient } = await import('redis')
  const client = createClient({
    url,
    // A Redis that hangs, or a network that swallows packets, is as good as away, and is to be told apart from silence.
    pingInterval: PING_MS,
    socket: {
      reconnectStrategy: retries => Math.min(100 * 2 ** retries, 3_000),
      socketTimeout: SILENCE_MS,
    },
  })
  // Without a listener an error event would end the process,
  // and without a memory every attempt to reconnect would be a line in the log.
  let isAway = false
  client.on('error', error => {
    if (!isAway) logger.warn({ err: error }, 'redis is out of reach; trying again')
    isAway = true
  })
  client.on('ready', () => {
    if (isAway) logger.info('redis is back')
    isAway = false
  })
  return client
}

/** An answer that takes twice as long, ms, and Redis counts as away. */
const LATE_MS = 1_000

class LateError extends Error {}

/**
 * Asks Redis something, but neither waits for ever nor asks what would be asked once Redis is back, when it means nothing any
 * more.
 * @throws Error when Redis is away or late
 */
export const askRedis = async <T>(redis: Redis, question: () => Promise<T>): Promise<T> => {
  if (!redis.isReady) throw new Error('Redis is out of reach.')
  const answer = question()
  // Twice: when this process itself has stood still, its timer comes before the answer that waits to be read.
  const once = () => within(LATE_MS, answer, () => new LateError('Redis is late.'))
  return once().catch(error => (error instanceof LateError ? once() : Promise.reject(error)))
}
