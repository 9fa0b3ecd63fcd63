import type { Logger } from '@trunkline/kit'

/** How often is looked at least: this late is what another node took in just before its time. */
const LOOK_EVERY_MS = 1_000

/** Does what is due, and says in how many ms more will be. */
export type Due = () => Promise<number | undefined>

/**
 * Messages that are to be sent or deleted at a time of their own. Every node looks: when the next one is due, and once a
 * second. The rows themselves say what is left to do, so nothing has to be kept in step with a queue, and nothing is
 * lost with a process.
 */
export class DueWork {
  readonly #dues: readonly Due[]
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> = Promise.resolve()
  #isClosed = false
  #isFailing = false

  constructor(dues: readonly Due[], logger: Logger) {
    this.#dues = dues
    this.#logger = logger
  }

  start(): void {
    this.#working = this.#look()
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#working
  }

  async #look(): Promise<void> {
    let next = LOOK_EVERY_MS
    for (const due of this.#dues) {
      try {
        next = Math.min(next, (await due()) ?? next)
        this.#isFailing = false
      } catch (error) {
        // Said once: while the database is away, it is every second.
        if (!this.#isFailing)
          this.#logger.warn({ err: error }, 'what was due could not be done; it is tried again')
        this.#isFailing = true
        next = LOOK_EVERY_MS
      }
    }
    if (this.#isClosed) return
    this.#timer = setTimeout(() => this.start(), Math.max(0, Math.ceil(next)))
  }
}
