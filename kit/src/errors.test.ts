import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openPool } from './database.ts'
import { toTrunklineError } from './errors.ts'
import { createLogger } from './logger.ts'
import { startPostgres } from './postgres.ts'

const logger = createLogger({ name: 'test', level: 'silent' })
const AWAY = { code: 'unavailable', status: 503, retryable: true, details: { retryAfterMs: 1_000 } }

/** What the asking was refused with, as clients see it. */
const refused = (asked: Promise<unknown>) =>
  asked.then(
    () => 'nothing was refused',
    (error: unknown) => toTrunklineError(error),
  )

test('a database that goes, is going or is not there is unavailable; what is wrong with a statement is not', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'trunkline-errors-'))
  onTestFinished(() => rmSync(dataFolder, { recursive: true, force: true }))
  const postgres = await startPostgres({ dataFolder, logger })
  onTestFinished(() => postgres.close())
  const pool = openPool(postgres.url, logger, 2)
  onTestFinished(() => pool.end())
  expect(await refused(pool.query('select wrong'))).toMatchObject({ code: 'internal' })
  // Ended in the middle of a statement.
  const lent = await pool.connect()
  const { rows } = await lent.query('select pg_backend_pid() as pid')
  const sleeping = refused(lent.query('select pg_sleep(20)'))
  await pool.query('select pg_terminate_backend($1)', [rows[0].pid])
  expect(await sleeping).toMatchObject(AWAY)
  expect(await refused(lent.query('select 1'))).toMatchObject(AWAY)
  lent.release(true)
  // Not there any more.
  await postgres.close()
  expect(await refused(pool.query('select 1'))).toMatchObject(AWAY)
})

test('a file that is missing says nothing of the database', () => {
  const missing = Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' })
  expect(toTrunklineError(missing)).toMatchObject({ code: 'internal' })
  expect(toTrunklineError(undefined)).toMatchObject({ code: 'internal' })
})
