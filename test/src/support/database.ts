import { join } from 'node:path'
import { createLogger, openPool, startPostgres } from '@trunkline/kit'
import type { Register } from './clean-ups.ts'
import { putDatabase } from './database-template.ts'
import { type TestServer, temporaryFolder } from './server.ts'

type Pool = ReturnType<typeof openPool>
export type TestDatabase = {
  url: string
  /** For the test to look into it. */
  pool: Pool
  /** Where it keeps its files. */
  folder: string
}

/** What libraries have to say in a test that does not look at it: nothing. */
export const silent = createLogger({ name: 'test', level: 'silent' })

/** A PostgreSQL of a test's own, for several servers to share or for the test to look into. */
export const startDatabase = async (register: Register): Promise<TestDatabase> => {
  const dataFolder = temporaryFolder(register)
  await putDatabase(dataFolder)
  const postgres = await startPostgres({ dataFolder, logger: silent })
  register(() => postgres.close())
  const pool = openPool(postgres.url, silent, 3)
  register(() => pool.end())
  return { url: postgres.url, pool, folder: join(dataFolder, 'postgres') }
}

/** Does something in the database that a server keeps in its data folder. */
export const inDatabaseOf = async <R>(server: TestServer, work: (pool: Pool) => Promise<R>): Promise<R> => {
  const socket = encodeURIComponent(join(server.dataFolder, 'postgres'))
  const pool = openPool(`postgresql://trunkline@${socket}/postgres`, silent, 1)
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}
