import type { Logger } from '@trunkline/kit'
import type { SfuNoticeData, SfuNoticeListener, SfuNoticeName } from '@trunkline/protocol'

/**
 * The way out for notices: in order, and never in the middle of the code that causes them, so that a listener
 * sees the same in one process as across the network.
 */
export class Notices {
  readonly #logger: Logger
  readonly #listeners = new Set<SfuNoticeListener>()
  #queue: { name: SfuNoticeName; data: () => SfuNoticeData<SfuNoticeName>; key?: string }[] = []
  #scheduled = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  listen(listener: SfuNoticeListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell<N extends SfuNoticeName>(name: N, data: SfuNoticeData<N>): void {
    this.#enqueue({ name, data: () => data })
  }

  /**
   * Tells the state of something, read when it is sent: of several within one turn of the event loop only the last
   * goes out. Forty people joining at once are not told forty times each.
   * @param key names what the state is of
   */
  tellLatest<N extends SfuNoticeName>(name: N, key: string, data: () => SfuNoticeData<N>): void {
    this.#queue = this.#queue.filter(entry => entry.name !== name || entry.key !== key)
    this.#enqueue({ name, data, key })
  }

  /** Sends what is queued, now. */
  flush(): void {
    const queue = this.#queue
    this.#queue = []
    for (const { name, data } of queue) {
      const value = data()
      for (const listener of this.#listeners) {
        try {
          listener(name, value)
        } catch (error) {
          this.#logger.error({ err: error, notice: name }, 'a listener of the SFU failed')
        }
      }
    }
  }

  #enqueue(entry: { name: SfuNoticeName; data: () => SfuNoticeData<SfuNoticeName>; key?: string }): void {
    this.#queue.push(entry)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }
}
