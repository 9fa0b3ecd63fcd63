import { createLogger, createRedis, within } from '@trunkline/kit'
import { type Check, failed, ok, warning } from './check.ts'

const WAIT_MS = 3_000

/** @throws Error when nobody answers there as Redis does */
const ask = async (url: string): Promise<void> => {
  const client = await createRedis(url, createLogger({ name: 'doctor', level: 'silent' }))
  try {
    const late = () => new Error(`no answer within ${WAIT_MS} ms`)
    await within(WAIT_MS, client.connect(), late)
    await within(WAIT_MS, client.ping(), late)
  } finally {
    client.destroy()
  }
}

/** Redis answers, when several nodes are to share one. */
export const redis: Check = {
  name: 'redis',
  run: async ({ settings }) => {
    if (!settings.REDIS_URL) return ok('not used: one signalling process needs none')
    return ask(settings.REDIS_URL).then(
      () => ok('answers'),
      (error: Error) =>
        failed(`REDIS_URL cannot be reached: ${error.message}`, 'start Redis, or correct REDIS_URL'),
    )
  },
}

/** The Redis that the log is copied to answers. Without it everything else works, and events wait in the log. */
export const events: Check = {
  name: 'events',
  run: async ({ settings }) => {
    const { EVENTS_REDIS_URL, EVENTS_STREAM } = settings
    if (!EVENTS_REDIS_URL) return ok('not copied: EVENTS_REDIS_URL is not set')
    return ask(EVENTS_REDIS_URL).then(
      () => ok(`copied to the Redis Stream ${EVENTS_STREAM}`),
      (error: Error) =>
        warning(
          `EVENTS_REDIS_URL cannot be reached: ${error.message}. Events wait in the log until it can.`,
          'start that Redis, or correct EVENTS_REDIS_URL',
        ),
    )
  },
}
