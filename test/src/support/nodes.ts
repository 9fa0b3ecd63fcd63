import { createLogger, startPostgres } from '@trunkline/kit'
import type { Register } from './clean-ups.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { startServer, type TestServer, temporaryFolder } from './server.ts'

export const SECRET = 'the-secret-of-these-nodes'

export type Nodes = {
  redis: TestRedis
  databaseUrl: string
  nodes: [TestServer, TestServer]
  /** One more, with the same database and Redis. */
  another(register?: Register): Promise<TestServer>
}

/** Two signalling processes with one database and one Redis, and nothing else. */
export const startNodes = async (register: Register): Promise<Nodes> => {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const postgres = await startPostgres({ dataFolder: temporaryFolder(register), logger })
  register(() => postgres.close())
  const redis = await startRedis(register)
  const another = (by: Register = register) =>
    startServer({
      services: ['signalling'],
      env: {
        TRUNKLINE_SECRET: SECRET,
        LOG_LEVEL: 'debug',
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
      },
      register: by,
    })
  return { redis, databaseUrl: postgres.url, another, nodes: [await another(), await another()] }
}
