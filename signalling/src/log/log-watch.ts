import type { EventLog } from './event-log.ts'

/** How often the log is looked at for what other processes wrote, ms. */
const LOOK_MS = 200
/** Between two looks at what this process writes, ms: what is written meanwhile is read at once. */
const TOGETHER_MS = 20

/**
 * Says when the log of all rooms is worth a look: after what this process appended, and every now and then for what others did.
 * All who follow the log look at the same time, so that they can share what they read.
 */
export class LogWatch {
  readonly #listeners = new Set<() => void>()
  readonly #stopListening: () => void
  #toldAt = 0
  #isSoon = false
  #timer: NodeJS.Timeout | undefined

  constructor(log: Pick<EventLog, 'onAppend'>) {
    this.#stopListening = log.onAppend(() => this.#tellSoon())
  }

  /** @returns ends it */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener)
    this.#timer ??= setTimeout(this.#tell, LOOK_MS)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves with the next news, after so many ms, or when nobody waits any more. */
  async news(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = this.onNews(resolve)
    const timer = setTimeout(resolve, ms)
    // Its listener is taken off again: it lives as long as the process, and this is asked many times a second.
    const end = () => resolve()
    signal.addEventListener('abort', end)
    await promise
    signal.removeEventListener('abort', end)
    clearTimeout(timer)
    stop()
  }

  close(): void {
    this.#stopListening()
    this.#listeners.clear()
    clearTimeout(this.#timer)
  }

  /** At once, unless it was told a moment ago. */
  #tellSoon(): void {
    if (this.#isSoon || this.#listeners.size === 0) return
    this.#isSoon = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#tell, Math.max(0, this.#toldAt + TOGETHER_MS - performance.now()))
  }

  readonly #tell = (): void => {
    this.#isSoon = false
    this.#toldAt = performance.now()
    this.#timer = this.#listeners.size > 0 ? setTimeout(this.#tell, LOOK_MS) : undefined
    for (const listener of [...this.#listeners]) listener()
  }
}
