import { ConfigError, createRedis, type Redis, within } from '@trunkline/kit'
import type { Composition } from './platform.ts'

const REDIS_WAIT_MS = 5_000

/** A connection to a Redis that may come later, and is waited for by nobody. */
export const expectRedis = async (
  url: string,
  { logger, lifecycle }: Pick<Composition, 'logger' | 'lifecycle'>,
): Promise<Redis> => {
  const redis = await createRedis(url, logger)
  lifecycle.add('redis of events', () => {
    if (redis.isOpen) redis.destroy()
  })
  // It tries again by itself, and says so; this ends when it is closed.
  redis.connect().catch(() => undefined)
  return redis
}

/**
 * A connection to the Redis of the settings. Once connected it reconnects by itself for ever.
 * @throws ConfigError when there is none at all: that is a wrong setting
 */
export const openRedis = async (
  url: string,
  { logger, lifecycle }: Pick<Composition, 'logger' | 'lifecycle'>,
): Promise<Redis> => {
  const redis = await createRedis(url, logger)
  lifecycle.add('redis', () => redis.destroy())
  await within(
    REDIS_WAIT_MS,
    redis.connect(),
    () => new ConfigError('The Redis named by REDIS_URL cannot be reached. Start it, or correct REDIS_URL.'),
  )
  return redis
}
