import { randomUUID } from 'node:crypto'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { type Logger, type Redis, within } from '@trunkline/kit'
import { sql } from 'drizzle-orm'
import type { Namespace } from 'socket.io'
import type { Database } from '../database.ts'
import type { ClusterMessage } from './cluster-message.ts'

const STREAM = 'socket.io'
/** Entries of the stream that are kept, all rooms together. The adapter's 10,000 are seconds under load. */
const STREAM_LENGTH = 100_000
/** How long one read of the stream waits, ms: less than after how much silence a connection counts as dead. */
const BLOCK_MS = 1_000
/** How often each node says that it lives, ms. */
const BEAT_MS = 2_000
/** How soon it is said again that this node is back, when that was not read back, ms. */
const AGAIN_MS = 500
/** An answer that takes twice as long, ms, and Redis counts as away: it hangs, or the network swallows packets. */
const LATE_MS = 500
/** How long a sample of the database may take before a beat goes without, ms. */
const SAMPLE_MS = 1_000
/** Beats whose horizons are kept: what was committed before the oldest of them has long been heard everywhere. */
const HORIZONS = 3

class LateError extends Error {}

/** `at`: when its sender said it, ms since 1970. */
type Heard = (message: ClusterMessage, from: string, at: number) => void
type Adapter = ReturnType<ReturnType<typeof createAdapter>>
type Raw = Parameters<Adapter['onRawMessage']>[0] & { from?: string; at?: string; said?: string }

/** The entry id after this one. */
const next = (id: string): string => {
  const [ms, sequence] = id.split('-')
  return `${ms}-${Number(sequence) + 1}`
}

/**
 * What the nodes of one installation hear of each other: one Redis stream, that of Socket.IO's adapter, so that all
 * read everything in one order. No request and no socket ever waits for Redis: what is said is said here at once and
 * to the others as soon as it gets there. While Redis is away they hear nothing of each other; when it is back, each
 * says so with `back`, from when on it may have missed something and been missed, and everybody makes up for that.
 */
export class ClusterBus {
  /** Of this process. */
  readonly id = randomUUID()
  readonly #redis: Redis
  readonly #database: Database
  readonly #logger: Logger
  readonly #listeners: Heard[] = []
  readonly #beating: NodeJS.Timeout
  #again: NodeJS.Timeout | undefined
  /** Answers that are late. */
  #overdue = 0
  /** Whether what is said on the stream is known to be read here. */
  #isBack = false
  /** Of the entry read last. */
  #offset: string | undefined
  #isClosed = false
  #horizons: string[] = []

  constructor(deps: { redis: Redis; database: Database; logger: Logger }) {
    this.#redis = deps.redis
    this.#database = deps.database
    this.#logger = deps.logger
    this.#redis.on('ready', this.#comeBack)
    this.#beating = setInterval(() => void this.#beat(), BEAT_MS)
    if (this.#redis.isReady) this.#comeBack()
  }

  close(): void {
    this.#isClosed = true
    this.#redis.off('ready', this.#comeBack)
    clearInterval(this.#beating)
    clearTimeout(this.#again)
  }

  /** Socket.IO's adapter on this stream. */
  get adapter(): (namespace: Namespace) => Adapter {
    const create = createAdapter(this.#redis, {
      streamName: STREAM,
      maxLen: STREAM_LENGTH,
      blockTimeInMs: BLOCK_MS,
    })
    const adapt = (namespace: Namespace) => this.#adapt(create(namespace))
    // Socket.IO says `new`, which arrow functions refuse.
    function adapter(namespace: Namespace) {
      return adapt(namespace)
    }
    return adapter
  }

  /** Every message of any node, this one's own as well, in the order of the stream. */
  onMessage(listener: Heard): void {
    this.#listeners.push(listener)
  }

  /**
   * Tells all nodes.
   * @returns false when it did not get to Redis: `back` will be heard once it can
   */
  async send(message: ClusterMessage): Promise<boolean> {
    return this.#add({ nsp: '/', from: this.id, at: String(Date.now()), said: JSON.stringify(message) })
  }

  /**
   * The adapter waits for Redis before it tells its own sockets, five seconds or for ever when Redis is gone. Here what
   * it publishes counts as published at once, so its own sockets hear it first. The offset it would have returned is
   * for Socket.IO's connection state recovery, which is off: `seq` is the truth.
   */
  #adapt(adapter: Adapter): Adapter {
    const publish = adapter.doPublish.bind(adapter)
    const read = adapter.onRawMessage.bind(adapter)
    adapter.doPublish = message => {
      if (this.#isReachable) Promise.resolve(publish(message)).catch(this.#fallBehind)
      return Promise.resolve('')
    }
    adapter.onRawMessage = (raw: Raw, offset) => {
      this.#offset = offset
      if (raw.from === undefined || raw.said === undefined) return read(raw, offset)
      try {
        this.#hear(JSON.parse(raw.said) as ClusterMessage, raw.from, Number(raw.at))
      } catch (error) {
        // The reader would read the same again and again, without a pause.
        this.#logger.error({ err: error }, 'what another node said could not be taken in')
      }
    }
    return adapter
  }

  #hear(message: ClusterMessage, from: string, at: number): void {
    if (from === this.id) {
      if (message.kind === 'back') this.#isBack = true
      const horizon = 'horizon' in message ? message.horizon : undefined
      if (horizon !== undefined) this.#horizons = [...this.#horizons, horizon].slice(-HORIZONS)
    }
    for (const listener of this.#listeners) listener(message, from, at)
  }

  async #add(entry: Record<string, string>): Promise<boolean> {
    if (!this.#isReachable) return false
    const TRIM = { strategy: 'MAXLEN', strategyModifier: '~', threshold: STREAM_LENGTH } as const
    const adding = this.#redis.xAdd(STREAM, '*', entry, { TRIM })
    try {
      // Twice: when this process itself has stood still, its timer comes before the answer that waits to be read.
      const once = () => within(LATE_MS, adding, () => new LateError())
      await once().catch(error => (error instanceof LateError ? once() : Promise.reject(error)))
      return true
    } catch (error) {
      this.#fallBehind(error)
      if (error instanceof LateError) this.#waitFor(adding)
      return false
    }
  }

  get #isReachable(): boolean {
    return this.#redis.isReady && this.#overdue === 0
  }

  /** Nothing more is sent before this was answered: it would pile up here, and be delivered hours late. */
  #waitFor(answer: Promise<unknown>): void {
    this.#overdue += 1
    const done = () => {
      this.#overdue -= 1
      this.#sayBack()
    }
    answer.then(done, done)
  }

  readonly #fallBehind = (error: unknown) => {
    this.#logger.debug({ err: error }, 'the other nodes could not be told')
    this.#isBack = false
  }

  readonly #comeBack = () => {
    this.#isBack = false
    // A Redis that lost its data and whose clock is behind would number entries below those read last, and all nodes
    // would wait for higher ones. An entry without a namespace is passed over by every reader, and those after it are
    // numbered higher. Where the stream is beyond that already, Redis refuses it.
    if (this.#offset !== undefined) {
      this.#redis.xAdd(STREAM, next(this.#offset), { nsp: '' }).catch(() => undefined)
    }
    this.#sayBack()
  }

  /** Until it is read back: a reader that has read nothing yet misses what is said between two of its reads. */
  #sayBack(): void {
    clearTimeout(this.#again)
    if (this.#isBack || this.#isClosed || !this.#redis.isReady) return
    const since = this.#horizons[0]
    if (since !== undefined) void this.send({ kind: 'back', since })
    // Heard for the first time: nothing before this was missed, and all from here on may be.
    else void this.#sample().then(horizon => this.send({ kind: 'back', horizon }))
    this.#again = setTimeout(() => this.#sayBack(), AGAIN_MS)
  }

  async #beat(): Promise<void> {
    if (!this.#isReachable) return
    if (!this.#isBack) return this.#sayBack()
    await this.send({ kind: 'beat', horizon: await this.#sample() })
  }

  /** The transaction below which all are over; nothing when the database does not say. */
  async #sample(): Promise<string | undefined> {
    const asking = this.#database.execute<{ horizon: string }>(
      sql`select pg_snapshot_xmin(pg_current_snapshot())::text as horizon`,
    )
    const answer = await within(SAMPLE_MS, asking, () => new LateError()).catch(() => undefined)
    return answer?.rows[0]?.horizon
  }
}
