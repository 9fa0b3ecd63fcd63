import { createLogger, openPool, startPostgres } from '@trunkline/kit'
import { temporaryFolder } from './server.ts'

/** A PostgreSQL of a test's own, for several servers to share or for the test to look into. */
export const startDatabase = async (
  register: (cleanUp: () => void | Promise<void>) => void,
): Promise<{ url: string; pool: ReturnType<typeof openPool> }> => {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const postgres = await startPostgres({ dataFolder: temporaryFolder(register), logger })
  register(() => postgres.close())
  const pool = openPool(postgres.url, logger, 2)
  register(() => pool.end())
  return { url: postgres.url, pool }
}
