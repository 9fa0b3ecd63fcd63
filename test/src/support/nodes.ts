import type { Register } from './clean-ups.ts'
import { startDatabase, type TestDatabase } from './database.ts'
import { type Line, startLine } from './line.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { startServer, type TestServer } from './server.ts'

export const SECRET = 'the-secret-of-these-nodes'

export type Nodes = {
  redis: TestRedis
  database: TestDatabase
  nodes: [TestServer, TestServer]
  /** From the second node to Redis. */
  line: Line
  /** One more, with the same database and Redis. */
  another(register?: Register): Promise<TestServer>
}

/**
 * Two signalling processes with one database and one Redis, and nothing else.
 * @param env what is set besides, at all of them
 */
export const startNodes = async (register: Register, env: Record<string, string> = {}): Promise<Nodes> => {
  const database = await startDatabase(register)
  const redis = await startRedis(register)
  const line = await startLine(Number(new URL(redis.url).port), register)
  const start = (by: Register, redisUrl: string) =>
    startServer({
      services: ['signalling'],
      env: {
        TRUNKLINE_SECRET: SECRET,
        LOG_LEVEL: 'debug',
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl,
        ...env,
      },
      register: by,
    })
  const nodes: Nodes['nodes'] = await Promise.all([
    start(register, redis.url),
    start(register, `redis://127.0.0.1:${line.port}`),
  ])
  return { redis, database, line, nodes, another: (by = register) => start(by, redis.url) }
}
