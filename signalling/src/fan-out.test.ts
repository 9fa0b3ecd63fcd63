import { createLogger, createRedis } from '@trunkline/kit'
import { Server } from 'socket.io'
import { expect, it } from 'vitest'
import { FanOut } from './fan-out.ts'
import type { EventLog } from './log/event-log.ts'

it('lets go of the Redis it was lent', () => {
  const logger = createLogger({ name: 'fan-out-test', level: 'silent' })
  const redis = createRedis('redis://127.0.0.1:1', logger)
  const before = redis.listenerCount('ready')
  const fanOut = new FanOut({ io: new Server(), redis, log: {} as EventLog, logger })
  expect(redis.listenerCount('ready')).toBe(before + 1)
  fanOut.close()
  expect(redis.listenerCount('ready')).toBe(before)
})
