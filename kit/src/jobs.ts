import type pg from 'pg'
import { PgBoss } from 'pg-boss'
import type { Logger } from './logger.ts'

/** Tables of the queue: a schema of their own, made and migrated by the library. */
const SCHEMA = 'trunkline_jobs'
/** Who takes a job tells the database of it this often twice; whose word is missing has died, and another takes over. */
const HEARTBEAT_SECONDS = 10
const MONITOR_SECONDS = 3
/** News of a job comes by NOTIFY; this is how late one may be whose time has come by itself. */
const POLL_SECONDS = 1
/** One that takes longer goes back into the queue: it continues from its last checkpoint. The library's own limit is a day. */
const EXPIRE_SECONDS = 23 * 3_600
const RETRY_SECONDS_MAX = 60
const ATTEMPTS = 10
/** Jobs of one name that a process works on at once. */
const AT_ONCE = 2
const STOP_MS = 8_000

export type TaskContext = {
  /** Aborts when the process closes: stop at the next checkpoint by throwing; the job is taken up again elsewhere. */
  signal: AbortSignal
  /** From 1. Stops because the process closes do not count. */
  attempt: number
  /** If this one fails, the job is not tried again. */
  isLastAttempt: boolean
}

/**
 * Does a job. It may run again although it ran before (the process died before that was noted), so it has to find what
 * is done already. What it throws makes it be tried again, later each time.
 */
export type Task = (payload: unknown, context: TaskContext) => Promise<void>

export type AddOptions = {
  /** Not before. */
  runAt?: Date | undefined
  /**
   * Of all jobs of one name and key at most one waits and at most one runs: adding it again while it waits replaces its
   * payload and its time; while it runs, one more waits.
   */
  key?: string | undefined
  maxAttempts?: number | undefined
}

export type Jobs = {
  /** Resolves once the job is kept: from then on it is done, whatever is restarted. */
  add(name: string, payload: Record<string, unknown>, options?: AddOptions): Promise<void>
  /** Begins to work on jobs that have a task in the map, those that others added included. */
  start(): Promise<void>
  /** How many of one name wait or run, in all processes, but for those of a key. */
  count(name: string, besides?: string): Promise<number>
  /** Running tasks are told to stop and waited for. Idempotent. */
  close(): Promise<void>
}

/**
 * Background jobs in PostgreSQL: they survive restarts of ours and of the database, and any number of processes share
 * them. docs/decisions/jobs.md says why by pg-boss.
 * @param options.pool names the database; the queue has a few connections of its own
 * @param options.tasks by name; read when `start` is called
 */
export const createJobs = async (options: {
  pool: pg.Pool
  logger: Logger
  tasks: ReadonlyMap<string, Task>
  /** Where a process is to work on more, or fewer, jobs of a name at once. */
  atOnce?: ReadonlyMap<string, number>
}): Promise<Jobs> => {
  const { pool, logger, tasks, atOnce } = options
  const boss = new PgBoss({
    connectionString: pool.options.connectionString ?? '',
    max: 3,
    schema: SCHEMA,
    application_name: 'trunkline jobs',
    useListenNotify: true,
    schedule: false,
    monitorVacuum: false,
    superviseIntervalSeconds: MONITOR_SECONDS,
    monitorIntervalSeconds: MONITOR_SECONDS,
    // What runs by its key is remembered that long: left at a minute, a job whose worker died waits for it.
    queueCacheIntervalSeconds: MONITOR_SECONDS,
  })
  // A lost connection is the library's to replace: its workers go on once the database is back.
  boss.on('error', error =>
    logger.warn({ reason: error.message }, 'the job queue has trouble with the database'),
  )
  boss.on('warning', warning => logger.debug({ warning: warning.message }, 'the job queue warns'))
  await boss.start()

  const closing = new AbortController()
  const queues = new Map<string, Promise<void>>()
  const queueOf = (name: string): Promise<void> => {
    const made =
      queues.get(name) ??
      boss.createQueue(name, {
        policy: 'stately',
        notify: true,
        heartbeatSeconds: HEARTBEAT_SECONDS,
        expireInSeconds: EXPIRE_SECONDS,
        retryDelay: 1,
        retryBackoff: true,
        retryDelayMax: RETRY_SECONDS_MAX,
        deleteAfterSeconds: 3_600,
      })
    queues.set(name, made)
    made.catch(() => queues.delete(name))
    return made
  }

  const run = async (name: string, task: Task): Promise<void> => {
    await queueOf(name)
    await Promise.all(Array.from({ length: atOnce?.get(name) ?? AT_ONCE }, () => work(name, task)))
  }

  /** One worker of a queue: it does one job after the other. */
  const work = async (name: string, task: Task): Promise<void> => {
    let workerId: string | undefined
    const options = {
      includeMetadata: true,
      pollingIntervalSeconds: POLL_SECONDS,
      notifyPollingIntervalSeconds: POLL_SECONDS,
    } as const
    workerId = await boss.work(name, options, async ([job]) => {
      if (!job) return
      const { data, retryCount, retryLimit, singletonKey } = job
      const context: TaskContext = {
        signal: AbortSignal.any([job.signal, closing.signal]),
        attempt: retryCount + 1,
        isLastAttempt: retryCount >= retryLimit,
      }
      try {
        await task(data, context)
      } catch (error) {
        if (!closing.signal.aborted) {
          logger.warn({ err: error, job: name, attempt: context.attempt }, 'a job failed')
          throw error
        }
        // Handed on: restarts that were meant are no attempts, however long a job has been at it.
        await boss.send(name, data as object, { retryLimit, ...(singletonKey && { singletonKey }) })
      } finally {
        // Left alone it waits for its next poll, however many jobs are there.
        if (workerId !== undefined) boss.notifyWorker(workerId)
      }
    })
  }

  let closed: Promise<void> | undefined
  return {
    async add(name, payload, { runAt, key, maxAttempts = ATTEMPTS } = {}) {
      await queueOf(name)
      const settings = { retryLimit: maxAttempts - 1, ...(runAt && { startAfter: runAt }) }
      // Without a key of its own every job is another: the queue allows one per key.
      if (key === undefined)
        await boss.send(name, payload, { ...settings, singletonKey: crypto.randomUUID() })
      else
        await boss.upsert(name, payload, { ...settings, startAfter: runAt ?? new Date(), singletonKey: key })
    },
    async count(name, besides) {
      const { rows } = await pool.query<{ count: number }>(
        `select count(*)::int from ${SCHEMA}.job where name = $1 and state in ('created', 'retry', 'active')
          and singleton_key is distinct from $2`,
        [name, besides ?? null],
      )
      return rows[0]?.count ?? 0
    },
    async start() {
      await Promise.all([...tasks].map(([name, task]) => run(name, task)))
    },
    close() {
      closing.abort(new Error('the process closes'))
      closed ??= boss.stop({ graceful: true, timeout: STOP_MS })
      return closed
    },
  }
}
