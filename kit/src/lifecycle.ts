import type { Logger } from './logger.ts'
import { within } from './within.ts'

type Closer = { name: string; close: () => Promise<void> | void }

/**
 * Closes what was started, in reverse order, once. One that fails or hangs does not keep the others open.
 */
export class Lifecycle {
  readonly #logger: Logger
  readonly #closers: Closer[] = []
  #closing: Promise<void> | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Remembers how to close something that is now running. */
  add(name: string, close: Closer['close']): void {
    this.#closers.push({ name, close })
  }

  get closing(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Closes everything. Idempotent: later calls wait for the first.
   * @param timeoutMs bound for each single closer
   */
  close(timeoutMs = 10_000): Promise<void> {
    this.#closing ??= this.#closeAll(timeoutMs)
    return this.#closing
  }

  async #closeAll(timeoutMs: number): Promise<void> {
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      const { name, close } = closer
      try {
        const closed = Promise.resolve().then(close)
        await within(timeoutMs, closed, () => new Error(`${name} did not close within ${timeoutMs} ms`))
      } catch (error) {
        this.#logger.error({ err: error }, `closing ${name} failed`)
      }
    }
  }
}
