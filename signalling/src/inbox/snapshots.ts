import { createHash } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'

/** Where transactions stood when a snapshot was taken. Their numbers have 64 bits, so they are kept as text. */
export type Horizon = {
  /** Which database this is, and which of its lives: numbers of transactions mean nothing in another. */
  identity: string
  /** Every transaction with a lower number is over, and what it wrote is in the snapshot. */
  xmin: string
  /** Of the transactions with this number or a higher one nothing is in the snapshot. */
  xmax: string
}

/** A database restored from a backup goes on in another cluster, in a new timeline, or under another oid. */
const LIFE = sql`(select system_identifier from pg_control_system())
  || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  || '/' || (select oid from pg_database where datname = current_database())`

/**
 * Where the operator's role may not ask for that, the start of the server stands in: nothing is restored under a
 * running one. The price: after it was restarted, every client is told everything once.
 */
const STARTED = sql`pg_postmaster_start_time()::text`

const MAY_ASK = sql`has_function_privilege('pg_control_system()', 'execute')
  and has_function_privilege('pg_walfile_name(pg_lsn)', 'execute')
  and has_function_privilege('pg_current_wal_lsn()', 'execute')`

/** Reads that see one moment of the database and know which. */
export class Snapshots {
  readonly #database: Database
  #identity: SQL | undefined

  constructor(database: Database) {
    this.#database = database
  }

  /** Everything `work` reads with its executor, it reads as of one moment. */
  read<R>(work: (executor: Executor, horizon: Horizon) => Promise<R>): Promise<R> {
    return this.#database.transaction(async executor => work(executor, await this.#horizon(executor)), {
      isolationLevel: 'repeatable read',
      accessMode: 'read only',
    })
  }

  async #horizon(executor: Executor): Promise<Horizon> {
    this.#identity ??= await identityOf(executor)
    const { rows } = await executor.execute<Horizon>(sql`
      select ${this.#identity} as identity, pg_snapshot_xmin(now)::text as xmin, pg_snapshot_xmax(now)::text as xmax
      from pg_current_snapshot() now`)
    const [horizon] = rows
    if (!horizon) throw new Error('a select without a condition returned no row')
    return {
      ...horizon,
      identity: createHash('sha256').update(horizon.identity).digest('base64url').slice(0, 16),
    }
  }
}

const identityOf = async (executor: Executor): Promise<SQL> => {
  const { rows } = await executor.execute<{ may: boolean }>(sql`select ${MAY_ASK} as may`)
  return rows[0]?.may ? LIFE : STARTED
}
