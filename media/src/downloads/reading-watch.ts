import type { Logger } from '@trunkline/kit'
import { type HomedFile, LIMITS, type RoomDesk } from '@trunkline/protocol'
import { MEDIA_LIMITS } from '../limits.ts'

type Reading = { file: HomedFile; controller: AbortController }

const chunksOf = function* <T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}

/**
 * Ends downloads under way of those who may not read the file any more: a large one takes hours, a ban takes effect within a
 * second. All of one user are asked about together.
 */
export class ReadingWatch {
  readonly #desk: RoomDesk
  readonly #logger: Logger
  readonly #readings = new Map<string, Set<Reading>>()
  #timer: NodeJS.Timeout | undefined
  #isAsking = false

  constructor(deps: { desk: RoomDesk; logger: Logger }) {
    this.#desk = deps.desk
    this.#logger = deps.logger
  }

  /**
   * Watches over a download for as long as `use` takes.
   * @param use is given a signal that aborts once the user may not read the file any more
   */
  async during<T>(userId: string, file: HomedFile, use: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const reading: Reading = { file, controller: new AbortController() }
    const own = this.#readings.get(userId) ?? new Set()
    this.#readings.set(userId, own.add(reading))
    this.#timer ??= setInterval(() => void this.#ask(), MEDIA_LIMITS.readersEveryMs)
    try {
      return await use(reading.controller.signal)
    } finally {
      own.delete(reading)
      if (own.size === 0 && this.#readings.get(userId) === own) this.#readings.delete(userId)
      if (this.#readings.size === 0) this.close()
    }
  }

  /** Stops asking, until the next download. */
  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #ask(): Promise<void> {
    // A desk that takes its time is not asked more often for that.
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      await Promise.all([...this.#readings].map(([userId, own]) => this.#askOf(userId, own)))
    } catch (error) {
      // Nobody knows now who may read what; nor can anybody be banned while signalling is away.
      this.#logger.debug({ err: error }, 'who is downloading could not be checked; it is tried again')
    } finally {
      this.#isAsking = false
    }
  }

  async #askOf(userId: string, own: ReadonlySet<Reading>): Promise<void> {
    for (const readings of chunksOf([...own], LIMITS.filesPerRequest)) {
      const { fileIds } = await this.#desk.readable(
        { userId },
        readings.map(({ file }) => file),
      )
      const readable = new Set(fileIds)
      for (const { file, controller } of readings) if (!readable.has(file.fileId)) controller.abort()
    }
  }
}
