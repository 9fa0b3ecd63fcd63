import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, startPostgres } from '@trunkline/kit'
import pg from 'pg'
import { type Check, type Finding, failed, ok } from './check.ts'

const OLDEST = 15

const checkServer = async (url: string): Promise<Finding> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string; may: boolean }>(
      "select current_setting('server_version') as version, has_database_privilege(current_database(), 'CREATE') as may",
    )
    const { version = '0', may = false } = rows[0] ?? {}
    if (Number.parseInt(version, 10) < OLDEST) {
      return failed(`PostgreSQL ${version} answers`, `use PostgreSQL ${OLDEST} or later`)
    }
    if (!may)
      return failed(
        `PostgreSQL ${version} answers, but this user may not create tables`,
        'grant create on the database to it',
      )
    return ok(`PostgreSQL ${version} answers`)
  } catch (error) {
    return failed(
      `DATABASE_URL cannot be reached: ${(error as Error).message}`,
      'start the database, or correct DATABASE_URL',
    )
  } finally {
    await client.end().catch(() => {})
  }
}

/** The database answers; without DATABASE_URL, that the embedded one can run here, tried in a folder of its own. */
export const database: Check = {
  name: 'database',
  run: async ({ settings, running }) => {
    if (settings.DATABASE_URL) return checkServer(settings.DATABASE_URL)
    // Which of its services run there, and with what database, is not to be seen from here.
    if (running)
      return ok('not tried beside a running Trunkline: its GET /readyz looks at the database it uses')
    const folder = await mkdtemp(join(tmpdir(), 'trunkline-doctor-'))
    try {
      const postgres = await startPostgres({
        dataFolder: folder,
        logger: createLogger({ name: 'doctor', level: 'silent' }),
      })
      const finding = await checkServer(postgres.url)
      await postgres.close()
      return finding.state === 'ok' ? ok(`embedded ${finding.found}`) : finding
    } catch (error) {
      return failed(
        `the embedded PostgreSQL does not run here: ${(error as Error).message}`,
        'set DATABASE_URL to a PostgreSQL of 15 or later',
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
