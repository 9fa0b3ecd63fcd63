import { createClient } from 'redis'
import type { Logger } from './logger.ts'

export type Redis = ReturnType<typeof createRedis>

/** A Redis client that reconnects by itself. Not connected yet: call `connect()`. */
export const createRedis = (url: string, logger: Logger) => {
  const client = createClient({
    url,
    socket: { reconnectStrategy: retries => Math.min(100 * 2 ** retries, 3_000) },
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
