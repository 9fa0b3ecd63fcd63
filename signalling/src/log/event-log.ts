import { sqlStateOf } from '@trunkline/kit'
import { type EventPage, type EventType, LIMITS, type RoomEvent } from '@trunkline/protocol'
import { and, asc, desc, eq, gt, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { roomNotFound } from '../rooms/roles.ts'
import { events, rooms } from '../schema.ts'
import { type Connection, inTransaction } from './connection.ts'
import type { Appended, AppendListener, Entry } from './entry.ts'
import { toEvent } from './event-row.ts'
import { isPlain, sayPlain } from './plain-messages.ts'
import { RoomQueue } from './room-queue.ts'
import { type Checked, check, type LockedRoom, lockRooms, type Outcome, write } from './write.ts'

export type { Appended, AppendListener, Entry } from './entry.ts'

/** Appends to the room of a transaction. */
export type Append = <T extends EventType>(entry: Omit<Entry<T>, 'roomId'>) => Promise<Appended>

/** What a transaction works with; `executor` reads and writes in it. */
export type LogTransaction = { executor: Connection; append: Append }

export type PageQuery = {
  roomId: string
  /** Events after this position, ascending. */
  after?: number | undefined
  /** Events before this one; the latest of them. */
  before?: number | undefined
  limit: number
  type?: EventType
}

/** Events that change nothing about who may append what: they share transactions, written all at once. */
const SHARED: ReadonlySet<EventType> = new Set(['message.created', 'node.published'])

/** The rooms' logs: append and read. */
export class EventLog {
  readonly #database: Database
  readonly #listeners = new Set<AppendListener>()
  readonly #queue: RoomQueue

  constructor(database: Database) {
    this.#database = database
    this.#queue = new RoomQueue(entries => this.#commit(entries), isPlain)
  }

  onAppend(listener: AppendListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Appends one event with the next number of its room and resolves once it is committed, together with what others
   * append at this moment.
   * @throws TrunklineError `room_not_found`; `forbidden` when the sender lacks the right that was asked for;
   *   `unavailable` when the database does not keep up
   */
  async append<T extends EventType>(entry: Entry<T>): Promise<Appended> {
    if (SHARED.has(entry.type)) return this.#queue.append(entry)
    return this.#queue.turn(entry.roomId, async () => settle((await this.#commit([entry]))[0]))
  }

  /**
   * Runs a transaction that has the room to itself, whatever node others are on: what it checks stays true until it has
   * appended. Its events are announced after commit. It may run again when another transaction was in the way, so it
   * changes nothing but the database.
   * @param work gets the transaction, the way to append in it, and the room as it is
   * @throws TrunklineError `room_not_found`, and what `work` throws
   */
  transaction<R>(
    roomId: string,
    work: (transaction: LogTransaction & { room: typeof rooms.$inferSelect }) => Promise<R>,
  ): Promise<R> {
    return this.#exclusive(roomId, async (executor, append) => {
      await lockRooms(executor, [roomId])
      const [room] = await executor.select().from(rooms).where(eq(rooms.id, roomId))
      if (!room) throw roomNotFound()
      return work({ executor, append, room })
    })
  }

  /** Like `transaction`, for a room whose row `work` makes before it appends. */
  creation<R>(roomId: string, work: (transaction: LogTransaction) => Promise<R>): Promise<R> {
    return this.#exclusive(roomId, (executor, append) => work({ executor, append }))
  }

  /**
   * A stretch of a room's log, ascending; `hasMore` in the direction asked for (backward when neither is given).
   * It ends early, after at least one event, once it holds LIMITS.pageBytes. `removed` is what retention took of it.
   */
  async page(query: PageQuery): Promise<EventPage> {
    const forward = query.after !== undefined
    const towards = forward ? asc : desc
    const conditions: (SQL | undefined)[] = [eq(events.roomId, query.roomId)]
    if (query.after !== undefined) conditions.push(gt(events.seq, query.after))
    if (query.before !== undefined) conditions.push(lt(events.seq, query.before))
    if (query.type !== undefined) conditions.push(eq(events.type, query.type))
    const asked = this.#database
      .select()
      .from(events)
      .where(and(...conditions))
      .orderBy(towards(events.seq))
      .limit(query.limit + 1)
      .as('asked')
    const bytes = sql`octet_length(${asked.data}::text)`
    const measured = this.#database
      .select({
        ...asked._.selectedFields,
        bytesBefore: sql<number>`sum(${bytes}) over (order by ${towards(asked.seq)}) - ${bytes}`.as(
          'bytes_before',
        ),
        found: sql`count(*) over ()`.mapWith(Number).as('found'),
      })
      .from(asked)
      .as('measured')
    const rows = await this.#database
      .select()
      .from(measured)
      .where(lt(measured.bytesBefore, LIMITS.pageBytes))
      .orderBy(towards(measured.seq))
    const page = rows.slice(0, query.limit).map(toEvent)
    if (!forward) page.reverse()
    const hasMore = (rows[0]?.found ?? 0) > page.length
    const removed = forward || !hasMore ? await this.#removed(query, page[0]) : undefined
    return { events: page, hasMore, ...(removed ? { removed } : {}) }
  }

  /** What retention took at the lower end of what was asked for. */
  async #removed(query: PageQuery, first: RoomEvent | undefined): Promise<EventPage['removed']> {
    const from = (query.after ?? 0) + 1
    if (first?.seq === from) return undefined
    const [room] = await this.#database
      .select({ firstSeq: rooms.firstSeq })
      .from(rooms)
      .where(eq(rooms.id, query.roomId))
    const to = Math.min(room?.firstSeq ?? 1, query.before ?? Number.POSITIVE_INFINITY) - 1
    return from <= to ? { from, to } : undefined
  }

  get #pool() {
    return this.#database.$client
  }

  #exclusive<R>(roomId: string, work: (executor: Connection, append: Append) => Promise<R>): Promise<R> {
    return this.#queue.turn(roomId, async () => {
      const { result, told } = await inTransaction(this.#pool, async connection => {
        const told: RoomEvent[] = []
        let locked: Map<string, LockedRoom> | undefined
        const append: Append = async entry => {
          locked ??= await lockRooms(connection, [roomId])
          const entries = [{ ...entry, roomId }]
          const [outcome] = await write(connection, locked, await check(connection, entries), entries)
          const appended = settle(outcome)
          told.push(appended.event)
          return appended
        }
        return { result: await work(connection, append), told }
      })
      this.#announce(told)
      return result
    })
  }

  async #commit(entries: readonly Entry[]): Promise<Outcome[]> {
    if (!entries.every(isPlain)) return this.#commitAny(entries)
    const said = await sayPlain(this.#pool, entries).catch(error => {
      if (isFaultOfData(error)) return []
      throw error
    })
    this.#announce(said.flatMap(event => event ?? []))
    const left = entries.filter((_, n) => !said[n])
    const others = await this.#commitAny(left).catch(error => left.map(() => ({ refused: error as Error })))
    return entries.map((_, n) => {
      const event = said[n]
      return event ? { appended: { event, isNew: true } } : (others.shift() as Outcome)
    })
  }

  async #commitAny(entries: readonly Entry[]): Promise<Outcome[]> {
    if (entries.length === 0) return []
    const roomIds = [...new Set(entries.map(entry => entry.roomId))]
    const isShared = entries.every(({ type }) => SHARED.has(type))
    try {
      const outcomes = await inTransaction<Outcome[], [Map<string, LockedRoom>, Checked]>(
        this.#pool,
        (connection, [rooms, checked], commit) =>
          write(connection, rooms, checked, entries, isShared ? commit : undefined),
        connection => Promise.all([lockRooms(connection, roomIds), check(connection, entries)]),
      )
      this.#announce(outcomes.flatMap(outcome => ('appended' in outcome ? [outcome.appended.event] : [])))
      return outcomes
    } catch (error) {
      if (entries.length === 1 || !isFaultOfData(error)) throw error
    }
    // One of them cannot be written: on its own it fails alone.
    const outcomes: Outcome[] = []
    for (const entry of entries) {
      outcomes.push(...(await this.#commitAny([entry]).catch(error => [{ refused: error as Error }])))
    }
    return outcomes
  }

  /** Twice the same in one batch is told once. */
  #announce(events: readonly RoomEvent[]): void {
    for (const event of new Set(events)) for (const listener of this.#listeners) listener(event)
  }
}

/** What a database refuses for what it says: data, constraints, sizes. */
const isFaultOfData = (error: unknown): boolean => /^(22|23|54)/.test(sqlStateOf(error) ?? '')

const settle = (outcome: Outcome | undefined): Appended => {
  if (!outcome) throw new Error('an entry was lost')
  if ('refused' in outcome) throw outcome.refused
  return outcome.appended
}
