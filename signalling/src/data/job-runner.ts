import type { Jobs, Logger, Task } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'
import type { Executor } from '../database.ts'
import type { JobParts } from './job-parts.ts'
import { type JobKindName, JobLost, type JobRow, type JobTable, type Progress } from './job-table.ts'

const TASK = 'data'
const SWEEP = 'data-sweep'
const SWEEP_EVERY_MS = 3_600_000

/** One run of a job: from its checkpoint on, until it is done or this process closes. */
export type Run = {
  readonly job: JobRow
  /** Where the last run got to; null for the first. */
  readonly checkpoint: unknown
  /**
   * Notes a step. Between steps a job can be cancelled and a process can close: then this throws, and the next run
   * continues from here.
   * @param executor of the transaction that did the step, where the step is in the database
   */
  save(progress: Progress, executor?: Executor): Promise<void>
  /** Ends the job with the transaction that does its last step; `run` then returns nothing. */
  end(finished: Finished, executor: Executor): Promise<void>
}

export type Finished = { detail: string; done: number; total: number; expiresAt?: Date | undefined }

/** A kind of job. Every step of it may be done twice: a run may die between a step and its checkpoint. */
export type JobKind = {
  run(run: Run): Promise<Finished | undefined>
  /** Takes back what a job left that was cancelled or failed, as its last checkpoint tells. */
  discard(job: JobRow): Promise<void>
}

export type JobRunner = {
  /** Has a job worked on, by whichever process is free. */
  enqueue(id: string): Promise<void>
  cancel(id: string): Promise<JobRow | undefined>
  /** Takes up what was left unfinished. */
  start(): Promise<void>
  close(): void
}

/** Works on jobs: checkpoints, retries, failures and what is cleared up afterwards, for every kind alike. */
export const createJobRunner = (deps: {
  jobs: Jobs
  tasks: Map<string, Task>
  logger: Logger
  table: JobTable
  parts: JobParts
  kinds: Readonly<Record<JobKindName, JobKind>>
}): JobRunner => {
  const { jobs, tasks, logger, table, parts, kinds } = deps

  const fail = async (job: JobRow, error: unknown): Promise<void> => {
    const known = error instanceof TrunklineError
    if (!known) logger.error({ err: error, jobId: job.id }, 'a job failed for good')
    const detail = known
      ? error.message
      : `Something went wrong on the server. Its operator finds ${job.id} in the log.`
    const latest = (await table.find(job.id)) ?? job
    await table.end(job, 'failed', { detail })
    await kinds[job.kind].discard(latest)
  }

  tasks.set(TASK, async (payload, { signal, isLastAttempt }) => {
    const { jobId } = payload as { jobId: string }
    const job = await table.claim(jobId)
    if (!job) return
    const save: Run['save'] = async (progress, executor) => {
      await table.save(job, progress, executor)
      signal.throwIfAborted()
    }
    const end = (finished: Finished, executor?: Executor) => table.end(job, 'done', finished, executor)
    try {
      const finished = await kinds[job.kind].run({ job, checkpoint: job.checkpoint, save, end })
      if (finished) await end(finished)
    } catch (error) {
      if (error instanceof JobLost) {
        // Cancelled while it ran: what a step wrote after the first clearing up goes now.
        const now = await table.find(jobId)
        if (now?.state === 'cancelled') await kinds[job.kind].discard(now)
        return
      }
      signal.throwIfAborted()
      const isFinal = error instanceof TrunklineError && !error.retryable
      if (!isFinal && !isLastAttempt) throw error
      await fail(job, error)
    }
  })

  tasks.set(SWEEP, async () => {
    for (const job of await table.stale()) {
      await parts.discard(job.id)
      await table.remove(job.id)
    }
  })

  const enqueue = (id: string) => jobs.add(TASK, { jobId: id }, { key: id })
  const sweep = () => {
    jobs
      .add(SWEEP, {}, { key: 'sweep' })
      .catch(error => logger.warn({ err: error }, 'old jobs could not be looked for; it is tried again'))
  }
  let timer: NodeJS.Timeout | undefined

  return {
    enqueue,
    async cancel(id) {
      const cancelled = await table.cancel(id)
      // Where one works on it, that one clears up; nobody might.
      if (cancelled?.wasUnfinished) await kinds[cancelled.row.kind].discard(cancelled.row)
      return cancelled?.row
    },
    async start() {
      for (const id of await table.unfinished()) await enqueue(id)
      timer = setInterval(sweep, SWEEP_EVERY_MS)
      timer.unref()
      sweep()
    },
    close: () => clearInterval(timer),
  }
}
