import type { Job } from '@trunkline/protocol'
import { Backoff, wait } from './backoff.ts'
import { toTrunklineError } from './errors.ts'
import type { Rest } from './rest.ts'

/** Long work the server does: exports and deletions. */
export class Jobs {
  readonly #rest: Rest

  constructor(rest: Rest) {
    this.#rest = rest
  }

  /** Exports a room (for its owners), or one's own data. `download` gives what came of it once it is done. */
  export(of: { roomId: string } | { userId: string }): Promise<Job> {
    return this.#rest.operation('export:create', of)
  }

  get(jobId: string): Promise<Job> {
    return this.#rest.operation('job:get', { jobId })
  }

  cancel(jobId: string): Promise<Job> {
    return this.#rest.operation('job:cancel', { jobId })
  }

  /** What an export holds, as JSON Lines. */
  download(jobId: string, options: { signal?: AbortSignal } = {}): Promise<Blob> {
    return this.#rest.downloadExport(jobId, options)
  }

  /**
   * Waits until a job is over: `done`, `failed` or `cancelled`.
   * @param onProgress called with each answer on the way
   */
  async finished(jobId: string, onProgress: (job: Job) => void = () => undefined): Promise<Job> {
    const backoff = new Backoff()
    for (;;) {
      try {
        const job = await this.get(jobId)
        onProgress(job)
        if (job.state !== 'waiting' && job.state !== 'running') return job
      } catch (thrown) {
        const error = toTrunklineError(thrown)
        if (!error.retryable) throw error
      }
      await wait(backoff.next())
    }
  }
}
