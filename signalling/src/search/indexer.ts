import type { Logger } from '@trunkline/kit'
import type { RoomEvent } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { EventLog } from '../log/event-log.ts'
import { indexNames } from './index-names.ts'
import { indexRooms } from './index-rooms.ts'

/** Between two rounds, ms: what is said meanwhile is indexed together. */
const PAUSE_MS = 200
/** How often rooms are looked for whose latest events no node has indexed, ms: those of a node that died. */
const SWEEP_MS = 15_000
/**
 * While people write, it works at most this share of the time: a send is waited for, a search of what was said a second
 * ago hardly ever. It falls behind when the log is written as fast as it goes, and catches up after.
 */
const SHARE_BESIDE_WRITERS = 0.2
/** So many events in a round's time are people writing fast. */
const WRITTEN_FAST = 50
const ROOMS_PER_ROUND = 500
const ROOMS_PER_SWEEP = 1_000
/** Behind by more than this many events, it tells how far it is, every so often (ms). */
const WORTH_TELLING = 10_000
const TELL_MS = 10_000

const CHANGES_WORDS: ReadonlySet<RoomEvent['type']> = new Set([
  'room.created',
  'room.updated',
  'room.archived',
  'room.restored',
  'message.created',
  'message.edited',
  'message.deleted',
])

/**
 * Keeps the search index up to the rooms' logs, apart from sending. Each room has its position in its log, moved in the
 * transaction that writes the words, and a room's events become visible in the order of their numbers: so nothing is
 * missed or left half done, whenever a process dies. Every node indexes what it appended itself, at once, and sweeps up
 * what others left.
 */
export class SearchIndexer {
  readonly #database: Database
  readonly #logger: Logger
  /** Rooms with news. */
  readonly #waiting = new Set<string>()
  readonly #stopListening: () => void
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isClosed = false
  #isFailing = false
  /** Events of this node since the last round began. */
  #appended = 0
  #sweepAt = 0
  #tellAt = 0
  #isCatchingUp = false

  constructor(deps: { database: Database; log: EventLog; logger: Logger }) {
    this.#database = deps.database
    this.#logger = deps.logger
    this.#stopListening = deps.log.onAppend(event => {
      if (!CHANGES_WORDS.has(event.type)) return
      this.#appended++
      this.#waiting.add(event.roomId)
      this.#wake?.()
    })
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves once nothing of it uses the database any more. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopListening()
    this.#wake?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#appended = 0
      const start = performance.now()
      const isBehind = await this.#tryRound()
      const took = performance.now() - start
      // A moment between rounds, unless there is much to do and nobody in the way; then, when nothing is left, until there is.
      if (!isBehind || this.#appended >= WRITTEN_FAST) {
        await this.#sleep(Math.max(PAUSE_MS, took / SHARE_BESIDE_WRITERS - took), () => this.#isClosed)
      }
      if (this.#waiting.size > 0) continue
      await this.#sleep(this.#sweepAt - performance.now(), () => this.#isClosed || this.#waiting.size > 0)
    }
  }

  async #tryRound(): Promise<boolean> {
    try {
      const isBehind = await this.#round()
      if (this.#isFailing) this.#logger.info('the search index is written again')
      this.#isFailing = false
      return isBehind
    } catch (error) {
      if (!this.#isFailing && !this.#isClosed) {
        this.#logger.warn({ err: error }, 'the search index could not be written; it will be tried again')
      }
      this.#isFailing = true
      return false
    }
  }

  /** Indexes a stretch of each of some rooms with news; whether there is more to do at once. */
  async #round(): Promise<boolean> {
    if (this.#waiting.size === 0 && performance.now() >= this.#sweepAt) await this.#sweep()
    const roomIds = [...this.#waiting].slice(0, ROOMS_PER_ROUND)
    for (const roomId of roomIds) this.#waiting.delete(roomId)
    const left = await indexRooms(this.#database, roomIds).catch(error => {
      for (const roomId of roomIds) this.#waiting.add(roomId)
      throw error
    })
    for (const roomId of [...left.behind, ...left.busy]) this.#waiting.add(roomId)
    if (this.#isCatchingUp && performance.now() >= this.#tellAt) await this.#tell()
    return left.behind.length > 0 || this.#waiting.size > left.busy.length
  }

  /** Finds rooms whose index is behind their log, and users whose names were not read yet. */
  async #sweep(): Promise<void> {
    await indexNames(this.#database)
    const { rows } = await this.#database.execute<{ id: string }>(sql`
      select rooms.id from rooms left join room_search on room_search.room_id = rooms.id
      where room_search.room_id is null or room_search.indexed_seq < rooms.last_seq
      limit ${ROOMS_PER_SWEEP}`)
    for (const { id } of rows) this.#waiting.add(id)
    if (rows.length > 0 || this.#isCatchingUp) await this.#tell()
    // When as many were found as were looked for, there may be more.
    this.#sweepAt = rows.length < ROOMS_PER_SWEEP ? performance.now() + SWEEP_MS : 0
  }

  /** Says how far the index is behind the log, if that is far. */
  async #tell(): Promise<void> {
    const { rows } = await this.#database.execute<{ events: string }>(sql`
      select coalesce(sum(rooms.last_seq - coalesce(room_search.indexed_seq, 0)), 0) as events
      from rooms left join room_search on room_search.room_id = rooms.id`)
    const eventsLeft = Number(rows[0]?.events ?? 0)
    this.#tellAt = performance.now() + TELL_MS
    if (eventsLeft >= WORTH_TELLING) {
      this.#isCatchingUp = true
      this.#logger.info({ eventsLeft }, 'the search index is catching up with the log')
    } else if (this.#isCatchingUp) {
      this.#isCatchingUp = false
      this.#logger.info('the search index has caught up with the log')
    }
  }

  /** Until so many ms have passed or `isDone`, which is asked whenever something happens. */
  #sleep(ms: number, isDone: () => boolean): Promise<void> {
    if (ms <= 0 || isDone()) return Promise.resolve()
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#wake = () => {
        if (isDone()) end()
      }
    })
  }
}
