import { createLogger, createRedis } from '@trunkline/kit'
import { type Check, failed, ok } from './check.ts'

const WAIT_MS = 3_000

/** Redis answers, when several nodes are to share one. */
export const redis: Check = {
  name: 'redis',
  run: async ({ settings }) => {
    if (!settings.REDIS_URL) return ok('not used: one signalling process needs none')
    const client = createRedis(settings.REDIS_URL, createLogger({ name: 'doctor', level: 'silent' }))
    const timeout = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`no answer within ${WAIT_MS} ms`)), WAIT_MS).unref()
    })
    try {
      await Promise.race([client.connect(), timeout])
      await Promise.race([client.ping(), timeout])
      return ok('answers')
    } catch (error) {
      return failed(
        `REDIS_URL cannot be reached: ${(error as Error).message}`,
        'start Redis, or correct REDIS_URL',
      )
    } finally {
      client.destroy()
    }
  },
}
