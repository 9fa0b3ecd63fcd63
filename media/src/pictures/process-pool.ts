import type { Logger } from '@trunkline/kit'
import { Semaphore } from 'async-mutex'
import type { Fence } from '../fence.ts'
import { MediaFault } from '../jobs/processor.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { Result, Task } from './messages.ts'
import { PictureProcess, ProcessLost } from './process.ts'

export type PoolOptions = {
  logger: Logger
  /** Opened when the first process is started. */
  fence: () => Promise<Fence>
  /** For what libraries write on the way. */
  folder: string
  /** Processes at a time; each takes a core while it works. */
  workers: number
  /** ms for one file */
  timeoutMs: number
  /** bytes one process may hold */
  memoryBytes: number
}

/** Processes that decode pictures: started when there is something to do, ended when there was nothing for a while. */
export class ProcessPool {
  readonly #options: PoolOptions
  readonly #turns: Semaphore
  readonly #closing = new AbortController()
  #idle: PictureProcess[] = []
  readonly #all = new Set<PictureProcess>()
  #rest: NodeJS.Timeout | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.#turns = new Semaphore(options.workers)
  }

  /**
   * Has a task done, when it is its turn. A file that takes the process down or does not come to an end is tried once more
   * in a new one: the machine may have been at fault.
   * @throws MediaFault; what the signal was aborted with
   */
  run<T extends Task>(task: T, signal?: AbortSignal): Promise<Result<T>> {
    const either = signal ? AbortSignal.any([this.#closing.signal, signal]) : this.#closing.signal
    return this.#turns.runExclusive(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(task, either)
        } catch (error) {
          if (!(error instanceof ProcessLost)) throw error
          this.#options.logger.warn({ err: error, attempt }, 'a process for pictures was lost')
          if (attempt === MEDIA_LIMITS.pictureAttempts)
            throw new MediaFault('This file takes too much time or memory to be shown.', { cause: error })
        }
      }
    })
  }

  /** Ends all of them; what they work on is rejected. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the service is closing'))
    clearTimeout(this.#rest)
    await Promise.all([...this.#all].map(one => one.close()))
    // Those that were only starting are known once all work has found out that it is over.
    await this.#turns.runExclusive(() => undefined, this.#options.workers)
    await Promise.all([...this.#all].map(one => one.close()))
  }

  async #attempt<T extends Task>(task: T, signal: AbortSignal): Promise<Result<T>> {
    const worker = await this.#take(signal)
    try {
      return await worker.perform(task, { signal, timeoutMs: this.#options.timeoutMs })
    } finally {
      this.#giveBack(worker)
    }
  }

  async #take(signal: AbortSignal): Promise<PictureProcess> {
    signal.throwIfAborted()
    for (let worker = this.#idle.pop(); worker; worker = this.#idle.pop()) {
      if (worker.isAlive) return worker
      this.#all.delete(worker)
    }
    const { folder, memoryBytes: dataBytes } = this.#options
    const limits = { dataBytes, fileBytes: MEDIA_LIMITS.pictureFileBytes }
    const worker = await PictureProcess.start({ fence: await this.#options.fence(), limits, folder })
    this.#all.add(worker)
    // One that began to start before the pool was closed was not among those that were ended.
    if (signal.aborted) this.#end(worker)
    signal.throwIfAborted()
    return worker
  }

  /** Libraries leak and fragment memory: after many files, or when it has grown large, a process has done its part. */
  #giveBack(worker: PictureProcess): void {
    const isSpent =
      worker.tasks >= MEDIA_LIMITS.picturesPerProcess || worker.rss > MEDIA_LIMITS.pictureIdleBytes
    if (!worker.isAlive || isSpent || this.#closing.signal.aborted) {
      this.#end(worker)
      return
    }
    this.#idle.push(worker)
    clearTimeout(this.#rest)
    this.#rest = setTimeout(() => {
      for (const one of this.#idle) this.#end(one)
      this.#idle = []
    }, MEDIA_LIMITS.pictureIdleMs)
    this.#rest.unref()
  }

  #end(worker: PictureProcess): void {
    void worker.close().then(() => this.#all.delete(worker))
  }
}
