import { fileURLToPath } from 'node:url'
import { type Database as KitDatabase, openDatabase as open } from '@trunkline/kit'
import type pg from 'pg'
import * as schema from './schema.ts'

export type Database = KitDatabase<typeof schema>
/** A database or a transaction of one. */
export type Executor = Pick<Database, 'execute' | 'select' | 'insert' | 'update' | 'delete'>

export const openDatabase = (pool: pg.Pool): Promise<Database> =>
  open({
    pool,
    schema,
    migrations: fileURLToPath(new URL('../drizzle', import.meta.url)),
    table: 'signalling_migrations',
  })

/** SQLSTATE of a failed statement, looked for through drizzle's wrapping. */
export const sqlStateOf = (error: unknown): string | undefined => {
  for (let next: unknown = error; next instanceof Error; next = next.cause) {
    const code = (next as { code?: unknown }).code
    if (typeof code === 'string' && code.length === 5) return code
  }
  return undefined
}

export const UNIQUE_VIOLATION = '23505'
