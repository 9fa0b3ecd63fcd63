import { DrizzleQueryError } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import type { Logger } from './logger.ts'

/** Key of the advisory lock under which migrations run: several processes start at once. */
const MIGRATION_LOCK = 7_282_734_511

export type Database<Schema extends Record<string, unknown>> = NodePgDatabase<Schema> & { $client: pg.Pool }

/**
 * Opens a pool. A connection that breaks is logged and replaced, not thrown into the process, idle or in use. Statements
 * that do not wait for each other's results travel together.
 */
export const openPool = (url: string, logger: Logger, max = 20): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max, connectionTimeoutMillis: 10_000, pipeline: true })
  pool.on('error', error => logger.warn({ reason: error.message }, 'a database connection was lost'))
  // The pool listens to idle connections only. One that breaks while it is lent out fails the statement under way,
  // which tells whoever borrowed it; unheard, it would end the process besides.
  pool.on('connect', client => client.on('error', () => undefined))
  return pool
}

/**
 * Drizzle over a pool, its migrations applied first.
 * @param options.migrations folder written by `drizzle-kit generate`
 * @param options.table remembers which migrations ran; one per service
 */
export const openDatabase = async <Schema extends Record<string, unknown>>(options: {
  pool: pg.Pool
  schema: Schema
  migrations: string
  table: string
}): Promise<Database<Schema>> => {
  const { pool, schema, migrations, table } = options
  // The lock and the migrations share one connection, so that a lost connection gives the lock up.
  const client = await pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await migrate(drizzle(client), { migrationsFolder: migrations, migrationsTable: table })
    await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK])
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
  return drizzle(pool, { schema })
}

/** Why a statement failed, in one sentence: an error of drizzle itself shows the values it was about, keys among them. */
export const statementFault = (error: unknown): string | undefined =>
  error instanceof DrizzleQueryError
    ? `A statement failed in the database: ${error.cause?.message ?? 'it did not say why'}`
    : undefined

/** SQLSTATE of a failed statement, looked for through drizzle's wrapping. */
export const sqlStateOf = (error: unknown): string | undefined => {
  for (let next: unknown = error; next instanceof Error; next = next.cause) {
    const code = (next as { code?: unknown }).code
    if (typeof code === 'string' && code.length === 5) return code
  }
  return undefined
}

/** Classes and codes of SQLSTATE by which a server says that it ends, starts, or has no place: nothing is wrong with what was asked. */
const AWAY = /^(08...|57P0[123]|53300)$/
/** What Node says of a socket: of one that cannot be opened, or that broke. */
const BROKEN: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'EAGAIN',
  'ETIMEDOUT',
])
const OF_SOCKETS: ReadonlySet<unknown> = new Set(['connect', 'read', 'write'])
/** What `pg` says of a connection in words only. */
const LOST =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/

/** Whether a statement failed because the database could not be reached, or went away in the middle of it. */
export const isDatabaseAway = (error: unknown): boolean => {
  for (let next: unknown = error; next instanceof Error; next = next.cause) {
    const { code, syscall } = next as { code?: unknown; syscall?: unknown }
    if (typeof code === 'string' && AWAY.test(code)) return true
    if ((OF_SOCKETS.has(syscall) && BROKEN.has(code)) || LOST.test(next.message)) return true
  }
  return false
}

/** Whether a statement failed because what it wrote is there already. */
export const isUniqueViolation = (error: unknown): boolean => sqlStateOf(error) === '23505'
