import { type Logger, within } from '@trunkline/kit'
import type { types } from 'mediasoup'
import { unavailable } from './refusals.ts'
import { Abroad } from './remote/abroad.ts'
import type { SfuSettings } from './settings.ts'
import { Worker } from './worker.ts'

/** Delay before a worker is replaced: none at first, then doubling while replacements keep dying. Milliseconds. */
const BACKOFF = { first: 200, most: 10_000 }
/** A worker that lived this long was healthy: its death is not counted as one of a series. Milliseconds. */
const HEALTHY_MS = 10_000

type Slot = {
  port: number
  worker: Worker | undefined
  failures: number
  timer: NodeJS.Timeout | undefined
  starting: Promise<void> | undefined
  /** It takes no more calls, and is replaced once those it has are elsewhere. */
  draining: boolean
  /** It is to be drained soon: calls go elsewhere, where there is another. */
  avoided: boolean
}

const NONE: ReadonlySet<Worker> = new Set()

/**
 * The workers, each replaced when it dies. When they are full, and there are other SFU processes that are not, further ones
 * run there.
 */
export class WorkerPool {
  readonly #settings: SfuSettings
  readonly #logger: Logger
  readonly #onLost: (worker: Worker, reason: string, stopping: boolean) => void
  readonly #slots: Slot[]
  readonly #abroad: Abroad | undefined
  /** Workers that died since the start. */
  lost = 0
  #ready = Promise.withResolvers<void>()
  /** The engine has ended its workers because this process was told to end. */
  #stopping = false
  #closing: Promise<void> | undefined

  private constructor(
    settings: SfuSettings,
    logger: Logger,
    onLost: (worker: Worker, reason: string, stopping: boolean) => void,
  ) {
    this.#settings = settings
    this.#logger = logger
    this.#onLost = onLost
    this.#slots = Array.from({ length: settings.workers }, (_, i) => ({
      port: settings.port && settings.port + i,
      worker: undefined,
      failures: 0,
      timer: undefined,
      starting: undefined,
      draining: false,
      avoided: false,
    }))
    this.#abroad =
      settings.neighbours &&
      new Abroad({
        ...settings.neighbours,
        waitMs: settings.workerWaitMs,
        idleMs: settings.abroadIdleMs,
        logger,
        onLost: (worker, reason, stopping) => {
          if (worker.died) this.lost += 1
          onLost(worker, reason, stopping)
        },
      })
  }

  /**
   * Starts all workers.
   * @param onLost called when a worker's process has ended without having been asked to
   * @throws Error naming the cause when one does not start; then none is left running
   */
  static async create(
    settings: SfuSettings,
    logger: Logger,
    onLost: (worker: Worker, reason: string, stopping: boolean) => void,
  ): Promise<WorkerPool> {
    const pool = new WorkerPool(settings, logger, onLost)
    const starts = await Promise.allSettled(pool.#slots.map(slot => pool.#start(slot)))
    const failed = starts.find(start => start.status === 'rejected')
    if (failed) {
      await pool.close()
      throw failed.reason
    }
    return pool
  }

  /** Those that live, those on other machines among them. */
  get workers(): Worker[] {
    return [...this.own, ...(this.#abroad?.workers ?? [])]
  }

  /** Those that live on this machine. */
  get own(): Worker[] {
    return this.#slots.flatMap(slot => (slot.worker && !slot.worker.closed ? [slot.worker] : []))
  }

  /** Those that take calls. */
  get #open(): Worker[] {
    return this.#slots.flatMap(({ worker, draining }) =>
      worker && !worker.closed && !draining ? [worker] : [],
    )
  }

  /** Those to choose from for a call: the ones it would have to leave again soon only where there are no others. */
  get #choice(): Worker[] {
    const open = this.#open
    const lasting = open.filter(worker => !this.#slots.some(slot => slot.worker === worker && slot.avoided))
    return lasting.length > 0 ? lasting : open
  }

  /** These are to be drained, one after the other. */
  avoid(workers: readonly Worker[]): void {
    for (const slot of this.#slots) if (slot.worker && workers.includes(slot.worker)) slot.avoided = true
  }

  /**
   * Whether a worker carries little enough for more people to come to it.
   * @param more what it has to take for that
   */
  hasRoom(worker: Worker, more = 0): boolean {
    return worker.load + more <= this.#settings.workerStreams
  }

  /**
   * A router on a worker that has room, and is none of these: the least loaded one of this machine, else one on another.
   * Undefined when there is none.
   */
  async createFurtherRouter(
    taken: ReadonlySet<Worker>,
  ): Promise<{ worker: Worker; router: types.Router } | undefined> {
    for (;;) {
      const worker = this.#roomy(taken)
      if (!worker) {
        if (await this.#abroad?.grow()) continue
        return undefined
      }
      try {
        return { worker, router: await worker.createRouter() }
      } catch (error) {
        if (!worker.closed) throw error
      }
    }
  }

  /**
   * A router on the least loaded worker. When none has room there may be one on another machine; while none lives, waits for
   * a replacement.
   * @throws TrunklineError `unavailable` when there is none in time
   */
  async createRouter(): Promise<{ worker: Worker; router: types.Router }> {
    const { workerWaitMs } = this.#settings
    for (;;) {
      // One that died is back sooner than one on another machine would be there.
      if (this.#open.length === 0 && !this.#stopping)
        await within(workerWaitMs, this.#ready.promise, noWorker)
      // Chosen and claimed without a pause between, so that calls opened at once spread out.
      let worker = this.#roomy(NONE)
      if (!worker) {
        if (await this.#abroad?.grow()) continue
        worker = leastLoaded(this.#choice)
      }
      if (!worker) throw noWorker()
      try {
        return { worker, router: await worker.createRouter() }
      } catch (error) {
        // It died, as others may have at the same moment, and is none of those to choose from now.
        if (!worker.closed) throw error
      }
    }
  }

  #roomy(taken: ReadonlySet<Worker>): Worker | undefined {
    const fits = (worker: Worker) => !taken.has(worker) && this.hasRoom(worker, 1)
    return leastLoaded(this.#choice.filter(fits)) ?? leastLoaded((this.#abroad?.workers ?? []).filter(fits))
  }

  /**
   * Replaces a worker by a new process, on the same port.
   * @param move brings its calls to others, which takes until there are others
   * @returns what took its place; undefined when nothing has yet
   */
  async drain(worker: Worker, move: () => Promise<void>): Promise<Worker | undefined> {
    const slot = this.#slots.find(candidate => candidate.worker === worker)
    if (!slot || this.#closing) return undefined
    slot.draining = true
    if (this.#open.length === 0) this.#ready = Promise.withResolvers()
    this.#logger.info({ pid: worker.pid, calls: worker.places.size }, 'media worker is drained')
    const moved = move()
    // The only one has to make room for the one that comes.
    if (this.#open.length > 0) await moved
    await worker.close()
    slot.draining = false
    if (this.#closing) return undefined
    await this.#start(slot).catch(error => {
      this.#logger.error({ err: error }, 'media worker could not be replaced; trying again')
      if (!this.#closing) this.#replaceLater(slot)
    })
    await moved
    return slot.worker
  }

  /** Ends every worker; none is left. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    for (const slot of this.#slots) clearTimeout(slot.timer)
    this.#ready.resolve()
    await Promise.allSettled(this.#slots.map(slot => slot.starting))
    await Promise.all([this.#abroad?.close(), ...this.#slots.map(slot => slot.worker?.close())])
  }

  #start(slot: Slot): Promise<void> {
    slot.starting = this.#startWorker(slot).finally(() => {
      slot.starting = undefined
    })
    return slot.starting
  }

  async #startWorker(slot: Slot): Promise<void> {
    const worker = await Worker.create(this.#settings, slot.port, this.#logger)
    // The replacement listens where clients and firewalls expect it.
    slot.port = worker.port
    slot.worker = worker
    slot.avoided = false
    worker.onEnd(died => this.#ended(slot, worker, died))
    this.#ready.resolve()
  }

  #ended(slot: Slot, worker: Worker, died: boolean): void {
    slot.worker = undefined
    // Was asked to end, after its calls had gone.
    if (slot.draining && !died) return
    if (this.#open.length === 0) this.#ready = Promise.withResolvers()
    if (this.#closing) return
    // The engine ends its workers by itself when this process gets SIGINT or SIGTERM: then we are stopping.
    if (!died) {
      // Kept, for close() to wait for the end of its process.
      slot.worker = worker
      this.#stopping = true
      this.#onLost(worker, 'The server is stopping.', true)
      return
    }
    this.lost += 1
    this.#logger.error({ pid: worker.pid, calls: worker.places.size }, 'media worker died')
    this.#onLost(worker, 'The media worker of this call died.', false)
    // The drain starts the next one itself.
    if (slot.draining) return
    if (performance.now() - worker.startedAt > HEALTHY_MS) slot.failures = 0
    this.#replaceLater(slot)
  }

  #replaceLater(slot: Slot): void {
    const delay = slot.failures === 0 ? 0 : Math.min(BACKOFF.most, BACKOFF.first * 2 ** (slot.failures - 1))
    slot.failures++
    slot.timer = setTimeout(() => {
      this.#start(slot).catch(error => {
        this.#logger.error({ err: error }, 'media worker could not be replaced; trying again')
        // Somebody may have taken the port meanwhile; when any would do, take another.
        if (this.#settings.port === 0) slot.port = 0
        if (!this.#closing) this.#replaceLater(slot)
      })
    }, delay)
  }
}

const noWorker = () => unavailable('No media worker is running. Try again in a moment.')

const leastLoaded = (workers: readonly Worker[]): Worker | undefined =>
  workers.reduce<Worker | undefined>(
    (best, candidate) => (best && best.load <= candidate.load ? best : candidate),
    undefined,
  )
