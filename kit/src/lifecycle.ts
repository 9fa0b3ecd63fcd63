import type { Logger } from './logger.ts'

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
      let timer: NodeJS.Timeout | undefined
      try {
        const timeout = new Promise<never>((_, reject) => {
          timer = setTimeout(
            () => reject(new Error(`${name} did not close within ${timeoutMs} ms`)),
            timeoutMs,
          )
        })
        await Promise.race([Promise.resolve().then(close), timeout])
      } catch (error) {
        this.#logger.error({ err: error }, `closing ${name} failed`)
      } finally {
        clearTimeout(timer)
      }
    }
  }
}
