import { createClient } from 'redis'
import type { Logger } from './logger.ts'

export type Redis = ReturnType<typeof createRedis>

/** A Redis client that reconnects by itself. Not connected yet: call `connect()`. */
export const createRedis = (url: string, logger: Logger) => {
  const client = createClient({
    url,
    socket: { reconnectStrategy: retries => Math.min(100 * 2 ** retries, 3_000) },
  })
  // Without a listener an error event would end the process.
  client.on('error', error => logger.warn({ err: error }, 'redis connection trouble'))
  return client
}
