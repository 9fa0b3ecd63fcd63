import { setTimeout as sleep } from 'node:timers/promises'
import { sqlStateOf } from '@trunkline/kit'
import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import type { Executor } from '../database.ts'
import * as schema from '../schema.ts'

/**
 * One connection in a transaction: drizzle for whoever checks something in it, and the driver itself for the log's own
 * statements, which are prepared once per connection by their names.
 */
export type Connection = Executor & { $client: Pick<pg.ClientBase, 'query'> }

/**
 * The log's statements find rows by their keys, some hundred among any number. A planner that weighs it anew while
 * tables are young reads them whole, and keeps to that plan while they grow: a batch took three times as long.
 */
const BEGIN = 'begin; set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan'

/** Another transaction was in the way; the same again goes through. */
const CROSSED = new Set(['40001', '40P01'])
const ATTEMPTS = 5

const connections = new WeakMap<pg.PoolClient, Connection>()

const connectionOf = (client: pg.PoolClient): Connection => {
  const known = connections.get(client)
  if (known) return known
  const connection = drizzle(client, { schema })
  connections.set(client, connection)
  return connection
}

/** Sends the commit after all that was sent so far. What became of it, the transaction waits for. */
export type Commit = () => void

/**
 * Runs work in a transaction and commits it; tries again, a few times, what another transaction was in the way of.
 * So `work` changes nothing but the database.
 * @param work may send the commit itself, after the last of what it writes and without waiting for that: one way to the
 *   database and back less. Should a statement before it fail, PostgreSQL takes all back at the commit.
 * @param open statements that write nothing: they travel with the transaction's beginning, and `work` gets their results
 */
export const inTransaction = <R, O = void>(
  pool: pg.Pool,
  work: (connection: Connection, opened: O, commit: Commit) => Promise<R>,
  open?: (connection: Connection) => Promise<O>,
): Promise<R> =>
  whileCrossed(pool, async client => {
    const connection = connectionOf(client)
    // Nothing is written before it is known to have begun.
    const [, opened] = await Promise.all([client.query(BEGIN), open?.(connection)])
    let committed: Promise<void> | undefined
    const commit = () => {
      committed ??= sendCommit(client)
      // Waited for below, unless what was sent before it failed: then that is told.
      committed.catch(() => {})
    }
    const result = await work(connection, opened as O, commit)
    commit()
    await committed
    return result
  })

/**
 * The same for statements that are sent without a look at what became of those before: all of the transaction travels
 * together. What fails takes all of it back.
 */
export const atOnce = <R>(pool: pg.Pool, send: (connection: Connection) => Promise<R>): Promise<R> =>
  whileCrossed(pool, async client => {
    const sent = Promise.all([client.query(BEGIN), send(connectionOf(client))])
    const committed = sendCommit(client)
    // Waited for below, unless what was sent before it failed: then that is told.
    committed.catch(() => {})
    const [, result] = await sent
    await committed
    return result
  })

const sendCommit = async (client: pg.PoolClient): Promise<void> => {
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw new Error('the transaction was taken back')
}

const whileCrossed = async <R>(
  pool: pg.Pool,
  transact: (client: pg.PoolClient) => Promise<R>,
): Promise<R> => {
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect()
    try {
      const result = await transact(client)
      client.release()
      return result
    } catch (error) {
      // A connection that does not even take this back is of no use to anybody.
      await client.query('rollback').then(
        () => client.release(),
        () => client.release(true),
      )
      if (attempt === ATTEMPTS || !CROSSED.has(sqlStateOf(error) ?? '')) throw error
    }
    await sleep(Math.random() * 10 * attempt)
  }
}
