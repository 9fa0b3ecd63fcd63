import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger, Metrics } from '@trunkline/kit'
import { eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { EventStream, Stretch } from '../log/event-stream.ts'
import type { LogWatch } from '../log/log-watch.ts'
import { eventSinks } from '../schema.ts'
import { type EventSink, type SinkPlace, WRITER_MS } from './event-sink.ts'
import { outgoing } from './outgoing.ts'
import { SinkMetrics } from './sink-metrics.ts'

/** Events read and written at once. */
const PAGE = 200
/** How often one that cannot write looks whether it can, ms. */
const AGAIN_MS = 1_000
/** The database remembers the place no more often than this, ms. */
const REMEMBER_MS = 1_000

/** Copies the log to a sink, event by event in the order of the log, while no other process does. */
export class SinkWriter {
  readonly #database: Database
  readonly #stream: EventStream
  readonly #watch: LogWatch
  readonly #sink: EventSink
  readonly #metrics: SinkMetrics
  readonly #logger: Logger
  readonly #closing = new AbortController()
  #working: Promise<void> | undefined
  #putAt = 0
  #remembered = { at: 0, cursor: '' }

  constructor(deps: {
    database: Database
    stream: EventStream
    watch: LogWatch
    sink: EventSink
    metrics: Metrics
    logger: Logger
  }) {
    this.#database = deps.database
    this.#stream = deps.stream
    this.#watch = deps.watch
    this.#sink = deps.sink
    this.#metrics = new SinkMetrics(deps.metrics)
    this.#logger = deps.logger
  }

  start(): void {
    this.#working ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#working
  }

  async #run(): Promise<void> {
    let isFailing = false
    while (!this.#closing.signal.aborted) {
      try {
        const place = await this.#begin()
        if (isFailing) this.#logger.info({ sink: this.#sink.name }, 'events are copied again')
        isFailing = false
        if (place) await this.#copy(place)
      } catch (error) {
        // What was put is known to the sink, and gone on from there.
        const words = 'events cannot be copied; it is tried again, and nothing is left out'
        if (!isFailing) this.#logger.warn({ err: error, sink: this.#sink.name }, words)
        isFailing = true
        this.#metrics.failed(this.#sink.name)
      }
      await sleep(AGAIN_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined)
    }
    await this.#sink.end().catch(() => undefined)
  }

  /**
   * Where to go on: as the sink says; as the database remembers for one that forgot; from now on for one that never was.
   * @returns nothing while another process writes
   */
  async #begin(): Promise<SinkPlace | undefined> {
    const place = await this.#sink.begin()
    if (place === 'taken') return undefined
    if (place) return place
    const first = { name: this.#sink.name, cursor: await this.#stream.now(), cursorAt: new Date() }
    await this.#database.insert(eventSinks).values(first).onConflictDoNothing()
    const [row = first] = await this.#database
      .select()
      .from(eventSinks)
      .where(eq(eventSinks.name, this.#sink.name))
    return { cursor: row.cursor, at: row.cursorAt }
  }

  /** Copies until this process is to write no more. */
  async #copy(begin: SinkPlace): Promise<void> {
    let place = begin
    this.#putAt = 0
    while (!this.#closing.signal.aborted) {
      const stretch = await this.#stream.read(place.cursor, PAGE)
      if (!stretch) {
        // The database is another by now, or went back: the time is what is left to go by.
        place = { ...place, cursor: await this.#stream.at(place.at) }
        continue
      }
      place = after(stretch, place)
      // Also where nothing happens: it has to be said that somebody writes.
      const isDue = performance.now() - this.#putAt > WRITER_MS / 4
      if (stretch.events.length > 0 || isDue) {
        if (!(await this.#sink.put(stretch.events.map(outgoing), place))) return
        this.#putAt = performance.now()
        this.#metrics.put(this.#sink.name, stretch.events.length)
        await this.#remember(place)
      }
      if (stretch.isEnd) await this.#watch.news(WRITER_MS / 4, this.#closing.signal)
    }
  }

  async #remember({ cursor, at: cursorAt }: SinkPlace): Promise<void> {
    const { at, cursor: before } = this.#remembered
    if (cursor === before || performance.now() - at < REMEMBER_MS) return
    const { name } = this.#sink
    const columns = { cursor, cursorAt }
    await this.#database
      .insert(eventSinks)
      .values({ name, ...columns })
      .onConflictDoUpdate({ target: eventSinks.name, set: columns })
    this.#remembered = { at: performance.now(), cursor }
  }
}

const after = ({ events, cursor }: Stretch, { at }: SinkPlace): SinkPlace => {
  const last = events.at(-1)
  return { cursor, at: last ? new Date(last.event.at) : at }
}
