import { sql } from 'drizzle-orm'
import { isText, readCursor, writeCursor } from '../cursor.ts'
import type { Database } from '../database.ts'
import type { Horizon, Snapshots } from '../inbox/snapshots.ts'
import { TOLD, TOLD_COLUMNS, type ToldEvent, type ToldRow, toTold } from './told-events.ts'

export type StreamedEvent = ToldEvent & { cursor: string }

export type Stretch = {
  events: StreamedEvent[]
  /** After the last of them, or as far as there is nothing. */
  cursor: string
  /** Nothing more is there yet. */
  isEnd: boolean
}

/** After the event `seq` of the room of this number, of those that transaction wrote; after none of it when the number is 0. */
type Place = { tx: bigint; number: number; seq: number }

/** Of those that fit into a bigint. */
const isNumber = (field: unknown): boolean => isText(field) && /^\d{1,18}$/.test(field as string)

/** Numbers of transactions looked at in one go, to begin with: as many as give about a page. */
const SPAN = 1_000n
const SPAN_MIN = 1n
const SPAN_MAX = 1n << 32n

/**
 * The whole log: events of all rooms and the ends of those that were deleted, those of each room in their order, in the order in which transactions wrote them.
 *
 * It is read up to the horizon of a snapshot, the lowest number of a transaction that still runs: below it nothing is to come
 * any more (docs/decisions/sync-cursor.md). Within a room the numbers of transactions never fall (`latestTx`), so its order
 * is kept. Transactions are read in spans, which the index of ranges finds; how long a span is follows what was found.
 */
export class EventStream {
  readonly #database: Database
  readonly #snapshots: Snapshots
  /** What is being read, by where and how much: those who follow the log side by side share it. */
  readonly #reading = new Map<string, Promise<Stretch | undefined>>()
  #span = SPAN

  constructor(deps: { database: Database; snapshots: Snapshots }) {
    this.#database = deps.database
    this.#snapshots = deps.snapshots
  }

  /** The cursor before which everything is that has happened until now. */
  now(): Promise<string> {
    return this.#snapshots.read(async (_, horizon) =>
      write(horizon, { tx: BigInt(horizon.xmin), number: 0, seq: 0 }),
    )
  }

  /** A cursor before everything that happened at that time or later, and not much more. */
  at(time: Date): Promise<string> {
    return this.#snapshots.read(async (executor, horizon) => {
      const { rows } = await executor.execute<{ tx: string | null }>(
        sql`select least(
            (select min((tx::text)::bigint) from events where at >= ${time.toISOString()}::timestamptz),
            (select min((tx::text)::bigint) from deleted_rooms where at >= ${time.toISOString()}::timestamptz)
          )::text as tx`,
      )
      const tx = rows[0]?.tx ?? horizon.xmin
      return write(horizon, { tx: BigInt(tx), number: 0, seq: 0 })
    })
  }

  /**
   * A cursor before which nothing is that comes after any of these cursors, nor any of these events. Cursors of another database
   * say nothing.
   * @param events by the numbers of their rooms, from one to another: those that are there still
   */
  earliest(
    cursors: readonly string[],
    events: readonly { number: number; seq: number; until: number }[],
  ): Promise<string> {
    return this.#snapshots.read(async (executor, horizon) => {
      const places = cursors.flatMap(cursor => read(cursor, horizon) ?? [])
      if (events.length > 0) {
        const { rows } = await executor.execute<{ tx: string | null }>(sql`
          select min((tx::text)::bigint)::text as tx from ${TOLD}
          join json_to_recordset(${JSON.stringify(events)}) as waiting(number bigint, seq bigint, until bigint)
            on told.number = waiting.number and told.seq between waiting.seq and waiting.until`)
        const tx = rows[0]?.tx
        if (tx) places.push({ tx: BigInt(tx), number: 0, seq: 0 })
      }
      const now = { tx: BigInt(horizon.xmin), number: 0, seq: 0 }
      return write(
        horizon,
        places.reduce((first, place) => (isBefore(place, first) ? place : first), now),
      )
    })
  }

  /**
   * The next events after a cursor.
   * @param limit of events; there may be none and still more to come
   * @returns nothing for a cursor of another database
   * @throws TrunklineError `invalid_request` for what is no cursor
   */
  read(cursor: string, limit: number): Promise<Stretch | undefined> {
    const key = `${limit} ${cursor}`
    const reading =
      this.#reading.get(key) ?? this.#read(cursor, limit).finally(() => this.#reading.delete(key))
    this.#reading.set(key, reading)
    return reading
  }

  #read(cursor: string, limit: number): Promise<Stretch | undefined> {
    return this.#snapshots.read(async (executor, horizon) => {
      const place = read(cursor, horizon)
      if (!place) return undefined
      const end = BigInt(horizon.xmin)
      if (place.tx >= end) return { events: [], cursor, isEnd: true }
      const until = place.tx + this.#span < end ? place.tx + this.#span : end
      const { rows } = await executor.execute<ToldRow & { tx: string }>(sql`
        select ${TOLD_COLUMNS}, tx from ${TOLD}
        where (tx::text)::bigint >= ${String(place.tx)}::bigint and (tx::text)::bigint < ${String(until)}::bigint
          and ((tx::text)::bigint, number, seq) > (${String(place.tx)}::bigint, ${place.number}::bigint, ${place.seq}::bigint)
        order by (tx::text)::bigint, number, seq
        limit ${limit}`)
      this.#adapt(rows.length, limit)
      const events = rows.map(({ tx, ...row }): StreamedEvent => {
        const told = toTold(row)
        const after = { tx: BigInt(tx), number: told.room.number, seq: told.event.seq }
        return { ...told, cursor: write(horizon, after) }
      })
      const isWhole = rows.length < limit
      const last = isWhole ? write(horizon, { tx: until, number: 0, seq: 0 }) : events.at(-1)?.cursor
      return { events, cursor: last ?? cursor, isEnd: isWhole && until === end }
    })
  }

  /** Longer spans where little was found: an idle night is one look. Shorter ones where there was more than asked for. */
  #adapt(found: number, limit: number): void {
    if (found >= limit && this.#span > SPAN_MIN) this.#span /= 2n
    else if (found < limit / 2 && this.#span < SPAN_MAX) this.#span *= 2n
  }
}

const isBefore = (a: Place, b: Place): boolean =>
  a.tx !== b.tx ? a.tx < b.tx : a.number !== b.number ? a.number < b.number : a.seq < b.seq

const write = ({ identity }: Horizon, { tx, number, seq }: Place): string =>
  writeCursor(identity, String(tx), String(number), String(seq))

const read = (cursor: string, horizon: Horizon): Place | undefined => {
  const [identity, tx, number, seq] = readCursor(cursor, [isText, isNumber, isNumber, isNumber]) as string[]
  if (identity !== horizon.identity || BigInt(tx ?? 0) > BigInt(horizon.xmax)) return undefined
  return { tx: BigInt(tx ?? 0), number: Number(number), seq: Number(seq) }
}
