import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'
import pg from 'pg'
import { MEDIA_LIMITS } from '../limits.ts'

/** PostgreSQL's channel by which one process asks another to let an upload go. */
const CHANNEL = 'trunkline_uploads'

const KEY = "hashtextextended('upload ' || $1, 0)"

type Held = { letGo: () => void; released: Promise<void> }
type Line = { client: pg.Client; ready: Promise<void> }

/**
 * One writer at a time for each upload, whichever processes their requests reach: whoever comes later has the one before let
 * go, for a client that comes again has given its earlier request up. Locks are advisory locks of one connection, so that
 * they end with the process; when that connection is lost, those who hold one are told to let go.
 * https://www.postgresql.org/docs/18/explicit-locking.html#ADVISORY-LOCKS
 */
export class UploadLocks {
  readonly #config: pg.ClientConfig
  readonly #logger: Logger
  readonly #held = new Map<string, Held>()
  #line: Line | undefined
  #closed = false

  constructor(deps: { config: pg.ClientConfig; logger: Logger }) {
    this.#config = deps.config
    this.#logger = deps.logger
  }

  /**
   * @param letGo called when another wants it: whoever holds it is to release it soon
   * @returns releases it
   * @throws TrunklineError `unavailable` when who holds it does not let go
   */
  async acquire(id: string, letGo: () => void): Promise<() => Promise<void>> {
    const until = Date.now() + MEDIA_LIMITS.uploadWaitMs
    for (let other = this.#held.get(id); other; other = this.#held.get(id)) {
      other.letGo()
      await Promise.race([other.released, sleep(MEDIA_LIMITS.uploadLookMs, undefined, { ref: false })])
      this.#assertTime(until)
    }
    // From here to the answer of the database it is held in this process already.
    const { promise: released, resolve } = Promise.withResolvers<void>()
    this.#held.set(id, { letGo, released })
    const forget = () => {
      this.#held.delete(id)
      resolve()
    }
    try {
      const line = await this.#connect()
      while (!(await this.#try(line.client, id))) {
        await line.client.query('select pg_notify($1, $2)', [CHANNEL, id])
        await sleep(MEDIA_LIMITS.uploadLookMs, undefined, { ref: false })
        this.#assertTime(until)
      }
      return async () => {
        try {
          // A line that was lost took its locks with it.
          if (this.#line === line) await line.client.query(`select pg_advisory_unlock(${KEY})`, [id])
        } catch (error) {
          this.#lose(line, error)
        } finally {
          forget()
        }
      }
    } catch (error) {
      forget()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { letGo } of this.#held.values()) letGo()
    await Promise.race([
      Promise.all([...this.#held.values()].map(held => held.released)),
      sleep(MEDIA_LIMITS.uploadLockMs, undefined, { ref: false }),
    ])
    const line = this.#line
    this.#line = undefined
    await line?.client.end().catch(() => undefined)
  }

  #assertTime(until: number): void {
    if (Date.now() < until && !this.#closed) return
    throw new TrunklineError('unavailable', 'Another request works on this upload. Try again in a moment.')
  }

  async #try(client: pg.Client, id: string): Promise<boolean> {
    const { rows } = await client.query(`select pg_try_advisory_lock(${KEY}) as got`, [id])
    return rows[0]?.got === true
  }

  async #connect(): Promise<Line> {
    const line = this.#line ?? this.#open()
    try {
      await line.ready
      return line
    } catch (error) {
      this.#lose(line, error)
      throw error
    }
  }

  #open(): Line {
    const client = new pg.Client({
      ...this.#config,
      application_name: 'trunkline uploads',
      keepAlive: true,
      // Locks of several uploads are asked for at once.
      pipeline: true,
      connectionTimeoutMillis: MEDIA_LIMITS.uploadLockMs,
      query_timeout: MEDIA_LIMITS.uploadLockMs,
    })
    const ready = client.connect().then(async () => {
      await client.query(`listen ${CHANNEL}`)
    })
    const line = { client, ready }
    client.on('error', error => this.#lose(line, error))
    client.once('end', () => this.#lose(line, new Error('the connection ended')))
    client.on('notification', ({ payload }) => this.#held.get(payload ?? '')?.letGo())
    this.#line = line
    return line
  }

  /** Whoever holds a lock holds it no more: another process may have it by now. */
  #lose(line: Line, error: unknown): void {
    if (this.#line !== line) return
    this.#line = undefined
    this.#logger.warn(
      { err: error },
      'the locks of uploads were lost with their connection; it is opened anew',
    )
    for (const { letGo } of this.#held.values()) letGo()
    line.client.end().catch(() => undefined)
  }
}
