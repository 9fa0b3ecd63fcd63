import { createLogger, createRedis, within } from '@trunkline/kit'
import { type Check, failed, ok } from './check.ts'

const WAIT_MS = 3_000

/** Redis answers, when several nodes are to share one. */
export const redis: Check = {
  name: 'redis',
  run: async ({ settings }) => {
    if (!settings.REDIS_URL) return ok('not used: one signalling process needs none')
    const client = await createRedis(settings.REDIS_URL, createLogger({ name: 'doctor', level: 'silent' }))
    try {
      const late = () => new Error(`no answer within ${WAIT_MS} ms`)
      await within(WAIT_MS, client.connect(), late)
      await within(WAIT_MS, client.ping(), late)
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
