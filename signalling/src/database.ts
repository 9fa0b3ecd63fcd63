import { fileURLToPath } from 'node:url'
import { type Database as KitDatabase, openDatabase as open } from '@trunkline/kit'
import type pg from 'pg'
import * as schema from './schema.ts'

export type Database = KitDatabase<typeof schema>
/** A database or a transaction of one. */
export type Executor = Pick<Database, 'execute' | 'select' | 'insert' | 'update' | 'delete' | '$count'>

export const openDatabase = (pool: pg.Pool): Promise<Database> =>
  open({
    pool,
    schema,
    migrations: fileURLToPath(new URL('../drizzle', import.meta.url)),
    table: 'signalling_migrations',
  })
