import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, openPool, startPostgres } from '@trunkline/kit'
import type pg from 'pg'
import { cleanUpAfterAll } from '../../../test/src/support/clean-ups.ts'
import { putDatabase } from '../../../test/src/support/database-template.ts'
import { type Database, openDatabase } from '../database.ts'
import { rooms, users } from '../schema.ts'

export type TestDatabase = {
  /** A database over a pool of its own, as each node has one. */
  open(): Promise<Database>
  /** Makes users and a room whose log is empty. */
  addRoom(id: string, userIds?: readonly string[]): Promise<void>
}

// Here, because `startTestDatabase` is called in hooks.
const register = cleanUpAfterAll()

/** A PostgreSQL for the tests of one file, ended with them. */
export const startTestDatabase = async (): Promise<TestDatabase> => {
  const logger = createLogger({ name: 'log-test', level: 'silent' })
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-log-'))
  const pools: pg.Pool[] = []
  await putDatabase(folder)
  const postgres = await startPostgres({ dataFolder: folder, logger })
  register(async () => {
    // Some tests have ended theirs: a server takes so many connections and no more.
    await Promise.all(pools.filter(pool => !pool.ended).map(pool => pool.end()))
    await postgres.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })
  const open = () => {
    const pool = openPool(postgres.url, logger)
    pools.push(pool)
    return openDatabase(pool)
  }
  const database = await open()
  return {
    open,
    addRoom: async (id, userIds = []) => {
      if (userIds.length > 0) {
        await database
          .insert(users)
          .values(userIds.map(userId => ({ id: userId, name: userId, kind: 'user' as const })))
          .onConflictDoNothing()
      }
      await database.insert(rooms).values({ id, kind: 'group', title: '', metadata: {} })
    },
  }
}
