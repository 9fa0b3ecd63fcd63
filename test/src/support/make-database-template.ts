import { mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createJobs, createLogger, openPool, startPostgres } from '@trunkline/kit'
import { openMediaDatabase } from '../../../media/src/database.ts'
import { openDatabase } from '../../../signalling/src/database.ts'
import { TEMPLATE } from './database-template.ts'
import { isRunning } from './processes-of.ts'

const NAME = 'trunkline-template-'

/** Takes away what runs left that were interrupted: they never came to their end. */
const removeOthers = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    const isLeft = name.startsWith(NAME) && !isRunning(Number(name.slice(NAME.length)))
    if (isLeft) await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
}

/**
 * Vitest's global setup: a database with our tables and nothing in them, for the tests of this run to start from. Making
 * one and its tables takes longer than the start of a server does otherwise, and a run needs more than a hundred.
 *
 * Its copies do not wait for the disk: processes are killed in tests, but nobody pulls the plug, and what was written
 * outlives its writer with fsync and without.
 */
export const setup = async (): Promise<() => Promise<void>> => {
  const folder = join(tmpdir(), NAME + process.pid)
  const remove = () => rm(folder, { recursive: true, force: true })
  // Each project of a run asks for it, one after the other.
  if (process.env[TEMPLATE] === folder) return remove
  await removeOthers()
  const logger = createLogger({ name: 'template', level: 'silent' })
  await mkdir(folder, { mode: 0o755 })
  const postgres = await startPostgres({ dataFolder: folder, logger })
  const pool = openPool(postgres.url, logger, 2)
  try {
    await openDatabase(pool)
    await openMediaDatabase(pool)
    const jobs = await createJobs({ pool, logger, tasks: new Map() })
    await jobs.close()
    await pool.query('alter system set fsync = off')
    // Nobody makes a further database in it: what those would be copied from is two thirds of its files.
    await pool.query("update pg_database set datistemplate = false where datname like 'template%'")
    await pool.query('drop database template0')
    await pool.query('drop database template1')
  } finally {
    await pool.end()
    await postgres.close()
  }
  process.env[TEMPLATE] = folder
  return remove
}
