import { fileURLToPath } from 'node:url'
import { type Database, openDatabase } from '@trunkline/kit'
import { type SQL, sql } from 'drizzle-orm'
import type pg from 'pg'
import * as schema from './schema.ts'

export type MediaDatabase = Database<typeof schema>

/** The time so many ms before now, by the database's clock. */
export const ago = (ms: number): SQL => sql`now() - make_interval(secs => ${ms / 1000})`

/** Media's tables, migrated. The pool stays the caller's to close. */
export const openMediaDatabase = (pool: pg.Pool): Promise<MediaDatabase> =>
  openDatabase({
    pool,
    schema,
    migrations: fileURLToPath(new URL('../drizzle', import.meta.url)),
    table: 'media_migrations',
  })
