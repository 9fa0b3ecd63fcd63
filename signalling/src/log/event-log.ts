import { isUniqueViolation, KeyedMutex } from '@trunkline/kit'
import { type EventData, type EventType, LIMITS, type RoomEvent } from '@trunkline/protocol'
import { and, asc, desc, eq, gt, lt, type SQL, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { roomNotFound } from '../rooms/roles.ts'
import { events } from '../schema.ts'

/** What is to be appended. `clientId` makes a retry find the first attempt. */
export type Entry<T extends EventType = EventType> = {
  roomId: string
  type: T
  data: EventData<T>
  sender?: string | undefined
  clientId?: string | undefined
}

export type Appended = {
  event: RoomEvent
  /** False when the same sender had already appended this `clientId`: `event` is that first one. */
  isNew: boolean
}

/** Hears each event once, after it was committed, in the order of its room. */
export type AppendListener = (event: RoomEvent) => void

type Row = {
  roomId: string
  seq: number
  type: string
  sender: string | null
  clientId: string | null
  data: Record<string, unknown>
  at: Date
}

// The row was checked when it was written; parsing it again on every read would only cost time.
const toEvent = (row: Row): RoomEvent =>
  ({
    roomId: row.roomId,
    seq: row.seq,
    type: row.type,
    at: row.at.toISOString(),
    ...(row.sender === null ? {} : { sender: row.sender }),
    ...(row.clientId === null ? {} : { clientId: row.clientId }),
    data: row.data,
  }) as RoomEvent

export type PageQuery = {
  roomId: string
  /** Events after this position, ascending. */
  after?: number | undefined
  /** Events before this one; the latest of them. */
  before?: number | undefined
  limit: number
  type?: EventType
}

/** The rooms' logs: append and read. */
export class EventLog {
  readonly #database: Database
  readonly #listeners = new Set<AppendListener>()
  /** PostgreSQL serialises appends to a room anyway (they lock its row); this keeps their listeners in order too. */
  readonly #order = new KeyedMutex()

  constructor(database: Database) {
    this.#database = database
  }

  onAppend(listener: AppendListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Appends one event with the next number of its room and resolves once it is committed.
   * @throws TrunklineError `room_not_found`
   */
  append<T extends EventType>(entry: Entry<T>): Promise<Appended> {
    return this.#order.run(entry.roomId, async () => {
      try {
        return this.#announce([await insert(this.#database, entry)])
      } catch (error) {
        const first = await this.#firstAttempt(entry, error)
        return { event: first, isNew: false }
      }
    })
  }

  /**
   * Runs a transaction that appends to one room and changes what follows from it; its events are announced after commit.
   * @param work gets the transaction and the way to append in it
   */
  transaction<R>(
    roomId: string,
    work: (
      executor: Executor,
      append: <T extends EventType>(entry: Omit<Entry<T>, 'roomId'>) => Promise<RoomEvent>,
    ) => Promise<R>,
  ): Promise<R> {
    return this.#order.run(roomId, async () => {
      const appended: RoomEvent[] = []
      const result = await this.#database.transaction(executor =>
        work(executor, async entry => {
          const event = await insert(executor, { ...entry, roomId })
          appended.push(event)
          return event
        }),
      )
      if (appended.length > 0) this.#announce(appended)
      return result
    })
  }

  /**
   * A stretch of a room's log, ascending; `hasMore` in the direction asked for (backward when neither is given).
   * It ends early, after at least one event, once it holds LIMITS.pageBytes.
   */
  async page(query: PageQuery): Promise<{ events: RoomEvent[]; hasMore: boolean }> {
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
    return { events: forward ? page : page.reverse(), hasMore: (rows[0]?.found ?? 0) > page.length }
  }

  #announce(appended: readonly RoomEvent[]): Appended {
    for (const event of appended) for (const listener of this.#listeners) listener(event)
    return { event: appended.at(-1) as RoomEvent, isNew: true }
  }

  /** The event a duplicate append ran into; rethrows what was not a duplicate. */
  async #firstAttempt(entry: Entry, error: unknown): Promise<RoomEvent> {
    if (entry.clientId === undefined || !isUniqueViolation(error)) throw error
    const [row] = await this.#database
      .select()
      .from(events)
      .where(
        and(
          eq(events.roomId, entry.roomId),
          sql`coalesce(${events.sender}, '') = ${entry.sender ?? ''}`,
          eq(events.clientId, entry.clientId),
        ),
      )
    if (!row) throw error
    return toEvent(row)
  }
}

/**
 * One statement takes the room's next number and writes the event under it: the lock on the room's row makes numbers
 * gapless, and a duplicate `clientId` undoes both.
 */
const insert = async (executor: Executor, entry: Entry): Promise<RoomEvent> => {
  const result = await executor.execute<{
    seq: string
    at: Date | string
    data: Record<string, unknown>
  }>(sql`
    with numbered as (
      update rooms set last_seq = last_seq + 1 where id = ${entry.roomId} returning last_seq
    )
    insert into events (room_id, seq, type, sender, client_id, data)
    select ${entry.roomId}, last_seq, ${entry.type}, ${entry.sender ?? null}, ${entry.clientId ?? null},
      ${JSON.stringify(entry.data)}::json
    from numbered
    returning seq, at, data`)
  const row = result.rows[0]
  if (!row) throw roomNotFound()
  return toEvent({
    roomId: entry.roomId,
    seq: Number(row.seq),
    type: entry.type,
    sender: entry.sender ?? null,
    clientId: entry.clientId ?? null,
    data: row.data,
    at: new Date(row.at),
  })
}
