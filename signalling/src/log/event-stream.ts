import type { Json, RoomEvent } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { isText, readCursor, writeCursor } from '../cursor.ts'
import type { Database } from '../database.ts'
import type { Horizon, Snapshots } from '../inbox/snapshots.ts'
import { type EventRow, toEvent } from './event-row.ts'

/** The room an event is of, as it is now. `number` tells it from an earlier one of the same id. */
export type StreamRoom = {
  id: string
  number: number
  kind: 'direct' | 'group' | 'channel'
  title: string
  metadata: Record<string, Json>
}

export type StreamedEvent = { event: RoomEvent; room: StreamRoom; cursor: string }

export type Stretch = {
  events: StreamedEvent[]
  /** After the last of them, or as far as there is nothing. */
  cursor: string
  /** Nothing more is there yet. */
  isEnd: boolean
}

/** After the event of this number of this room, of those that transaction wrote; after none of it when `roomId` is empty. */
type Place = { tx: bigint; roomId: string; seq: number }

/** Of those that fit into a bigint. */
const isNumber = (field: unknown): boolean => isText(field) && /^\d{1,18}$/.test(field as string)

/** Numbers of transactions looked at in one go, to begin with: as many as give about a page. */
const SPAN = 1_000n
const SPAN_MIN = 1n
const SPAN_MAX = 1n << 32n

/**
 * The whole log: events of all rooms, those of each room in their order, in the order in which transactions wrote them.
 *
 * It is read up to the horizon of a snapshot, the lowest number of a transaction that still runs: below it nothing is to come
 * any more (docs/decisions/sync-cursor.md). Within a room the numbers of transactions never fall (`latestTx`), so its order
 * is kept. Transactions are read in spans, which the index of ranges finds; how long a span is follows what was found.
 */
export class EventStream {
  readonly #database: Database
  readonly #snapshots: Snapshots
  #span = SPAN

  constructor(deps: { database: Database; snapshots: Snapshots }) {
    this.#database = deps.database
    this.#snapshots = deps.snapshots
  }

  /** The cursor before which everything is that has happened until now. */
  now(): Promise<string> {
    return this.#snapshots.read(async (_, horizon) =>
      write(horizon, { tx: BigInt(horizon.xmin), roomId: '', seq: 0 }),
    )
  }

  /** A cursor before everything that happened at that time or later, and not much more. */
  at(time: Date): Promise<string> {
    return this.#snapshots.read(async (executor, horizon) => {
      const { rows } = await executor.execute<{ tx: string | null }>(
        sql`select min((tx::text)::bigint)::text as tx from events where at >= ${time.toISOString()}::timestamptz`,
      )
      const tx = rows[0]?.tx ?? horizon.xmin
      return write(horizon, { tx: BigInt(tx), roomId: '', seq: 0 })
    })
  }

  /**
   * The next events after a cursor.
   * @param limit of events; there may be none and still more to come
   * @returns nothing for a cursor of another database
   * @throws TrunklineError `invalid_request` for what is no cursor
   */
  read(cursor: string, limit: number): Promise<Stretch | undefined> {
    return this.#snapshots.read(async (executor, horizon) => {
      const place = read(cursor, horizon)
      if (!place) return undefined
      const end = BigInt(horizon.xmin)
      if (place.tx >= end) return { events: [], cursor, isEnd: true }
      const until = place.tx + this.#span < end ? place.tx + this.#span : end
      const { rows } = await executor.execute<
        Omit<EventRow, 'at' | 'seq'> & {
          seq: string
          at: string
          tx: string
          number: string
          kind: StreamRoom['kind']
          title: string
          metadata: Record<string, Json>
        }
      >(sql`
        select events.room_id as "roomId", events.seq, events.type, events.sender, events.client_id as "clientId",
          events.data, events.at, events.tx, rooms.number, rooms.kind, rooms.title, rooms.metadata
        from events join rooms on rooms.id = events.room_id
        where (events.tx::text)::bigint >= ${String(place.tx)}::bigint and (events.tx::text)::bigint < ${String(until)}::bigint
          and ((events.tx::text)::bigint, events.room_id collate "C", events.seq)
            > (${String(place.tx)}::bigint, ${place.roomId}, ${place.seq}::bigint)
        order by (events.tx::text)::bigint, events.room_id collate "C", events.seq
        limit ${limit}`)
      this.#adapt(rows.length, limit)
      const events = rows.map(({ tx, number, kind, title, metadata, at, seq, ...row }): StreamedEvent => {
        const event = toEvent({ ...row, seq: Number(seq), at: new Date(at) })
        return {
          event,
          room: { id: row.roomId, number: Number(number), kind, title, metadata },
          cursor: write(horizon, { tx: BigInt(tx), roomId: row.roomId, seq: event.seq }),
        }
      })
      const isWhole = rows.length < limit
      const last = isWhole ? write(horizon, { tx: until, roomId: '', seq: 0 }) : events.at(-1)?.cursor
      return { events, cursor: last ?? cursor, isEnd: isWhole && until === end }
    })
  }

  /** Longer spans where little was found: an idle night is one look. Shorter ones where there was more than asked for. */
  #adapt(found: number, limit: number): void {
    if (found >= limit && this.#span > SPAN_MIN) this.#span /= 2n
    else if (found < limit / 2 && this.#span < SPAN_MAX) this.#span *= 2n
  }
}

const write = ({ identity }: Horizon, { tx, roomId, seq }: Place): string =>
  writeCursor(identity, String(tx), roomId, String(seq))

const read = (cursor: string, horizon: Horizon): Place | undefined => {
  const [identity, tx, roomId, seq] = readCursor(cursor, [isText, isNumber, isText, isNumber]) as string[]
  if (identity !== horizon.identity || BigInt(tx ?? 0) > BigInt(horizon.xmax)) return undefined
  return { tx: BigInt(tx ?? 0), roomId: roomId ?? '', seq: Number(seq) }
}
