import type { Logger, Metrics } from '@trunkline/kit'
import type { EventStream } from '../log/event-stream.ts'
import type { LogWatch } from '../log/log-watch.ts'
import { Endpoint } from './endpoint.ts'
import { countDeliveries, type WebhookTraffic } from './webhook-metrics.ts'
import { HELD_MS, type WebhookRow, type WebhookStore } from './webhook-store.ts'

/** How often a process says that it still sends, and looks for endpoints that nobody sends to, ms. */
const HOLD_MS = 2_000

/**
 * The endpoints this process tells of events: each is told by one of the processes, whichever took it first. One that dies is
 * followed by another after HELD_MS.
 */
export class Endpoints {
  readonly #store: WebhookStore
  readonly #stream: EventStream
  readonly #logger: Logger
  readonly #traffic: WebhookTraffic
  readonly #allowsPrivate: boolean
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #stopListening: () => void
  #timer: NodeJS.Timeout | undefined
  #holding: Promise<void> = Promise.resolve()
  #isClosed = false
  #isFailing = false

  constructor(deps: {
    store: WebhookStore
    stream: EventStream
    watch: LogWatch
    allowsPrivate: boolean
    metrics: Metrics
    logger: Logger
  }) {
    this.#store = deps.store
    this.#stream = deps.stream
    this.#logger = deps.logger
    this.#traffic = countDeliveries(deps.metrics, deps.store)
    this.#allowsPrivate = deps.allowsPrivate
    this.#stopListening = deps.watch.onNews(() => {
      for (const endpoint of this.#endpoints.values()) endpoint.look()
    })
  }

  start(): void {
    this.hold()
    this.#timer = setInterval(() => this.hold(), HOLD_MS)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#stopListening()
    await this.#holding
    await Promise.all([...this.#endpoints.keys()].map(id => this.#letGo(id)))
    await this.#store.release().catch(() => undefined)
  }

  /** Takes what nobody sends to, and stops what is another's by now. One round at a time, and one more after each call. */
  hold(): void {
    this.#holding = this.#holding.then(async () => {
      if (this.#isClosed) return
      try {
        const asked = performance.now()
        const rows = await this.#store.hold()
        const held = new Set(rows.map(({ id }) => id))
        for (const [id, endpoint] of [...this.#endpoints]) {
          if (!held.has(id) || endpoint.isStopped) await this.#letGo(id)
        }
        for (const row of rows) {
          const endpoint = this.#endpoints.get(row.id) ?? this.#begin(row)
          endpoint.held(HELD_MS - (performance.now() - asked))
        }
        this.#isFailing = false
      } catch (error) {
        if (!this.#isFailing)
          this.#logger.warn({ err: error }, 'webhooks could not be looked after; it is tried again')
        this.#isFailing = true
      }
    })
  }

  /**
   * Stops telling one, and does something to it meanwhile; `hold` takes it up again as it is then. Not beside a look at what is
   * held: what is let go for a change would be taken up again as it was before.
   * @param work is told whether it was this process that told it
   */
  without<T>(id: string, work: (wasHere: boolean) => Promise<T>): Promise<T> {
    const done = this.#holding.then(async () => {
      const wasHere = this.#endpoints.has(id)
      await this.#letGo(id)
      return work(wasHere)
    })
    this.#holding = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }

  async #letGo(id: string): Promise<void> {
    const endpoint = this.#endpoints.get(id)
    this.#endpoints.delete(id)
    await endpoint?.stop()
  }

  #begin(row: WebhookRow): Endpoint {
    const endpoint = new Endpoint(row, {
      store: this.#store,
      stream: this.#stream,
      traffic: this.#traffic,
      logger: this.#logger,
      allowsPrivate: this.#allowsPrivate,
    })
    this.#endpoints.set(row.id, endpoint)
    endpoint.held(HELD_MS)
    endpoint.start()
    return endpoint
  }
}
