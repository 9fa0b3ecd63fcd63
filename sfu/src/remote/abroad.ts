import { type Logger, within } from '@trunkline/kit'
import { Worker } from '../worker.ts'
import { startRemoteEngine } from './remote-engine.ts'

/** Another SFU process, as it says of itself. */
export type Neighbour = {
  id: string
  /** Where its HTTP server is. */
  url: string
  /** What it carries, of what it can: 1 is full. */
  load: number
  /** It is to end: nothing new goes there, and what is there leaves. */
  draining: boolean
}

/** The SFU processes of other machines. */
export type Neighbours = {
  /** Shared by all of them. */
  secret: string
  list(): readonly Neighbour[]
  /** Calls whenever those may be others, or say something else of themselves; returns the way to stop. */
  onChange(listener: () => void): () => void
}

/** One that had no worker for us, or none that ran, is not asked again for so long. Milliseconds. */
const RETRY_MS = 10_000

export type AbroadOptions = Neighbours & {
  /** Nobody waits for longer: there is a worker here that is full and does its work. Milliseconds. */
  waitMs: number
  /** A worker nobody uses for so long is ended. Milliseconds. */
  idleMs: number
  logger: Logger
  /** Called when one has ended without having been asked to, or has to be left. */
  onLost: (worker: Worker, reason: string, stopping: boolean) => void
}

/** Workers that run for this process on other machines. They are started when they are needed, and ended when they are not. */
export class Abroad {
  readonly #options: AbroadOptions
  readonly #workers = new Set<Worker>()
  /** When those that failed did, by `performance.now()`. */
  readonly #failures = new Map<string, number>()
  #starting: Promise<boolean> | undefined
  #startingSince = 0
  readonly #stopListening: () => void
  readonly #idleTimer: NodeJS.Timeout
  #closed = false

  constructor(options: AbroadOptions) {
    this.#options = options
    this.#stopListening = options.onChange(() => this.#leaveDraining())
    this.#idleTimer = setInterval(() => this.#endIdle(), options.idleMs / 4)
  }

  get workers(): Worker[] {
    return [...this.#workers]
  }

  /**
   * Starts one more, on the machine that carries least of what it can and is not full. Who asks meanwhile waits for the same.
   * @returns whether there is one more; why not is in the log. One that takes long may be there later
   */
  async grow(): Promise<boolean> {
    if (!this.#starting) {
      this.#startingSince = performance.now()
      this.#starting = this.#startSomewhere().finally(() => {
        this.#starting = undefined
      })
    }
    const waitMs = this.#startingSince + this.#options.waitMs - performance.now()
    if (waitMs <= 0) return false
    return within(waitMs, this.#starting, () => new Error('it takes long')).catch(() => false)
  }

  /** Ends all; resolves when none is left. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopListening()
    clearInterval(this.#idleTimer)
    await this.#starting
    await Promise.all(this.workers.map(worker => worker.close()))
  }

  async #startSomewhere(): Promise<boolean> {
    for (const neighbour of this.#choice()) {
      if (this.#closed) return false
      try {
        await this.#start(neighbour)
        this.#failures.delete(neighbour.id)
        return true
      } catch (error) {
        this.#failures.set(neighbour.id, performance.now())
        this.#options.logger.warn({ err: error, host: neighbour.id }, 'no media worker can be had there')
      }
    }
    return false
  }

  /** Where one may be asked for, the least loaded first. */
  #choice(): Neighbour[] {
    const neighbours = this.#options.list()
    for (const [id, failedAt] of this.#failures) {
      const isOver = performance.now() - failedAt > RETRY_MS
      if (isOver || !neighbours.some(neighbour => neighbour.id === id)) this.#failures.delete(id)
    }
    return neighbours
      .filter(({ id, load, draining }) => !draining && load < 1 && !this.#failures.has(id))
      .sort((one, other) => one.load - other.load)
  }

  async #start({ id, url }: Neighbour): Promise<void> {
    const { secret, logger } = this.#options
    const { engine, listenInfos, site } = await startRemoteEngine({ host: id, url, secret, logger })
    const worker = await Worker.adopt(engine, listenInfos, site, logger)
    this.#workers.add(worker)
    worker.onEnd(died => this.#ended(worker, died))
  }

  #ended(worker: Worker, died: boolean): void {
    if (!this.#workers.delete(worker) || this.#closed) return
    const { logger, onLost } = this.#options
    // The engine ends its workers by itself when this process gets SIGINT or SIGTERM.
    if (!died) {
      onLost(worker, 'The server is stopping.', true)
      return
    }
    logger.error({ pid: worker.pid, host: worker.host }, 'media worker on another machine died')
    onLost(worker, 'The media worker of this call died.', false)
  }

  #leaveDraining(): void {
    const draining = this.#options.list().filter(neighbour => neighbour.draining)
    for (const worker of this.workers) {
      if (!draining.some(({ id }) => id === worker.host)) continue
      this.#options.logger.info(
        { pid: worker.pid, host: worker.host },
        'media worker is left: its machine is drained',
      )
      // First out of the choice: what is on it is to go elsewhere.
      this.#workers.delete(worker)
      this.#options.onLost(worker, 'The machine of the media worker of this call is drained.', false)
      void worker.close()
    }
  }

  #endIdle(): void {
    for (const worker of this.workers) {
      if (performance.now() - worker.usedAt < this.#options.idleMs) continue
      this.#options.logger.info(
        { pid: worker.pid, host: worker.host },
        'media worker on another machine is not needed any more',
      )
      this.#workers.delete(worker)
      void worker.close()
    }
  }
}
