import { isUniqueViolation } from '@trunkline/kit'
import { type Job, LIMITS, TrunklineError } from '@trunkline/protocol'
import { and, count, eq, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { newId } from '../ids.ts'
import { jobs } from '../schema.ts'

export type JobRow = typeof jobs.$inferSelect
export type JobKindName = JobRow['kind']

export type NewJob = {
  kind: JobKindName
  caller: string
  roomId?: string | undefined
  userId?: string | undefined
  options?: JobRow['options']
  detail: string
  requestKey?: string | undefined
  state?: 'receiving' | 'waiting'
}

/** How far a job is, and where it continues. */
export type Progress = { checkpoint: unknown; done: number; total: number; detail: string }

const UNFINISHED = ['receiving', 'waiting', 'running'] as const
/** How long a job that ended can be asked about. */
const KEPT_MS = 7 * 24 * 3_600_000
/** How long an upload may take until it counts as broken off. */
const RECEIVING_MS = 24 * 3_600_000

/** The job was cancelled, or is another run's now: whoever works on it stops. */
export class JobLost extends Error {}

export const toJob = (row: JobRow): Job => ({
  id: row.id,
  kind: row.kind,
  ...(row.roomId === null ? {} : { roomId: row.roomId }),
  ...(row.userId === null ? {} : { userId: row.userId }),
  state: row.state === 'receiving' ? 'waiting' : row.state,
  done: row.done,
  total: row.total,
  detail: row.detail,
  createdAt: row.createdAt.toISOString(),
  ...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt.toISOString() }),
})

/** Jobs as clients see them, and the checkpoints they continue from. */
export class JobTable {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * @returns an earlier job when its `requestKey` made one
   * @throws TrunklineError `limit_reached`
   */
  async create(job: NewJob): Promise<JobRow> {
    try {
      return await this.#database.transaction(async executor => {
        // One at a time of each caller, so that many at once do not pass the limit together.
        await executor.execute(
          sql`select pg_advisory_xact_lock(hashtextextended(${`jobs of ${job.caller}`}, 0))`,
        )
        const [earlier] = await this.#byRequestKey(executor, job.requestKey)
        if (earlier) return earlier
        const [found] = await executor
          .select({ unfinished: count() })
          .from(jobs)
          .where(and(eq(jobs.caller, job.caller), inArray(jobs.state, [...UNFINISHED])))
        if ((found?.unfinished ?? 0) >= LIMITS.jobsPerCaller) {
          throw new TrunklineError(
            'limit_reached',
            `At most ${LIMITS.jobsPerCaller} jobs may be under way at once; wait for one, or cancel it.`,
            { details: { limit: LIMITS.jobsPerCaller } },
          )
        }
        const values = { id: newId('job'), state: 'waiting' as const, options: {}, ...job }
        const [row] = await executor.insert(jobs).values(values).returning()
        if (!row) throw new Error('an insert returned no row')
        return row
      })
    } catch (error) {
      const [earlier] = isUniqueViolation(error)
        ? await this.#byRequestKey(this.#database, job.requestKey)
        : []
      if (earlier) return earlier
      throw error
    }
  }

  async find(id: string): Promise<JobRow | undefined> {
    const [row] = await this.#database.select().from(jobs).where(eq(jobs.id, id))
    return row
  }

  /** The deletion of a user that goes on. */
  async deletionOf(userId: string): Promise<JobRow | undefined> {
    const [row] = await this.#database
      .select()
      .from(jobs)
      .where(
        and(eq(jobs.kind, 'userDeletion'), eq(jobs.userId, userId), inArray(jobs.state, [...UNFINISHED])),
      )
    return row
  }

  /** Exports of what is a user's, and those of rooms that the user asked for. */
  exportsOf(userId: string): Promise<JobRow[]> {
    return this.#database
      .select()
      .from(jobs)
      .where(
        or(
          and(eq(jobs.kind, 'userExport'), eq(jobs.userId, userId)),
          and(eq(jobs.kind, 'roomExport'), eq(jobs.caller, `user:${userId}`)),
        ),
      )
  }

  /** An upload is complete: the job may be worked on. */
  async release(id: string): Promise<JobRow | undefined> {
    return this.#change(and(eq(jobs.id, id), eq(jobs.state, 'receiving')), {
      state: 'waiting',
      detail: 'Waiting',
    })
  }

  /** Takes a job for one run; nothing when there is nothing to be done any more. */
  async claim(id: string): Promise<JobRow | undefined> {
    return this.#change(and(eq(jobs.id, id), inArray(jobs.state, ['waiting', 'running'])), {
      state: 'running',
      claim: newId('run'),
    })
  }

  /**
   * Notes a checkpoint.
   * @param executor of the transaction that did the step, where the step is in the database
   * @throws JobLost
   */
  async save(row: JobRow, progress: Progress, executor: Executor = this.#database): Promise<void> {
    await this.#settle(executor, row, progress)
  }

  /** @throws JobLost */
  async end(
    row: JobRow,
    state: 'done' | 'failed',
    fields: { detail: string; expiresAt?: Date | undefined; done?: number; total?: number },
    executor: Executor = this.#database,
  ): Promise<void> {
    const { expiresAt = null, ...rest } = fields
    await this.#settle(executor, row, { ...rest, expiresAt, state, endedAt: new Date(), claim: null })
  }

  /** @returns the job as it is then: one that has ended stays as it ended */
  async cancel(id: string): Promise<{ row: JobRow; wasUnfinished: boolean } | undefined> {
    const row = await this.#change(and(eq(jobs.id, id), inArray(jobs.state, [...UNFINISHED])), {
      state: 'cancelled',
      detail: 'Cancelled',
      endedAt: new Date(),
      claim: null,
    })
    if (row) return { row, wasUnfinished: true }
    const ended = await this.find(id)
    return ended && { row: ended, wasUnfinished: false }
  }

  /** Jobs that are to go on, when a process starts. */
  async unfinished(): Promise<string[]> {
    const rows = await this.#database
      .select({ id: jobs.id })
      .from(jobs)
      .where(inArray(jobs.state, ['waiting', 'running']))
    return rows.map(row => row.id)
  }

  /** Whose bytes are to go: content that expired, uploads that broke off, and what is kept no longer. */
  async stale(): Promise<JobRow[]> {
    const now = Date.now()
    return this.#database
      .select()
      .from(jobs)
      .where(
        or(
          lt(jobs.expiresAt, new Date(now)),
          and(eq(jobs.state, 'receiving'), lt(jobs.createdAt, new Date(now - RECEIVING_MS))),
          lt(jobs.endedAt, new Date(now - KEPT_MS)),
        ),
      )
  }

  async remove(id: string): Promise<void> {
    await this.#database.delete(jobs).where(eq(jobs.id, id))
  }

  async #settle(executor: Executor, row: JobRow, fields: Partial<JobRow>): Promise<void> {
    const [saved] = await executor
      .update(jobs)
      .set(fields)
      .where(and(eq(jobs.id, row.id), eq(jobs.claim, row.claim ?? ''), eq(jobs.state, 'running')))
      .returning({ id: jobs.id })
    if (!saved) throw new JobLost(`the job ${row.id} is not this run's any more`)
  }

  async #change(condition: SQL | undefined, fields: Partial<JobRow>): Promise<JobRow | undefined> {
    const [row] = await this.#database.update(jobs).set(fields).where(condition).returning()
    return row
  }

  async #byRequestKey(executor: Executor, key: string | undefined): Promise<JobRow[]> {
    return key === undefined ? [] : executor.select().from(jobs).where(eq(jobs.requestKey, key))
  }
}
