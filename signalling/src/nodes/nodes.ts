import { isDeepStrictEqual } from 'node:util'
import {
  type Json,
  LIMITS,
  type NodeItem,
  nodePayloadFault,
  type RoomEventOf,
  TrunklineError,
} from '@trunkline/protocol'
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { cursorOf, seqOf } from '../cursor.ts'
import type { Database, Executor } from '../database.ts'
import type { Entry, EventLog } from '../log/event-log.ts'
import { measuredPage } from '../measured-page.ts'
import { nodeValues } from '../schema.ts'

export type NodePage = { data: NodeItem[]; nextCursor?: string }
type NodeQuery = { roomId: string; node: string; cursor?: string | undefined; limit: number }
type NodeEntry = Omit<Entry<'node.published'>, 'type'>

type Row = {
  room_id: string
  node: string
  seq: string
  sender: string | null
  payload: Json
  at: string
  found: number
}

const fromRow = (row: Row): NodeItem => ({
  roomId: row.room_id,
  node: row.node,
  seq: Number(row.seq),
  ...(row.sender === null ? {} : { sender: row.sender }),
  payload: row.payload,
  at: new Date(row.at).toISOString(),
})

const fromEvent = ({ roomId, seq, sender, at, data }: RoomEventOf<'node.published'>): NodeItem => ({
  roomId,
  node: data.node,
  seq,
  ...(sender === undefined ? {} : { sender }),
  payload: data.payload,
  at,
})

/** Columns of an item, from `events`. */
const ITEM = sql`events.room_id, events.data ->> 'node' as node, events.seq, events.sender,
  events.data -> 'payload' as payload, events.at`

/**
 * The nodes of a room, as rows of `nodes (name)`. Steps from name to name through the key of `node_values`, however
 * many publish to each: https://wiki.postgresql.org/wiki/Loose_indexscan
 */
const namesIn = (roomId: string) => sql`
  with recursive nodes as (
    (select min(node) as name from node_values where room_id = ${roomId})
    union all
    select (select min(node) from node_values where room_id = ${roomId} and node > nodes.name)
    from nodes where nodes.name is not null
  )`

/** Items published to the nodes of rooms: status, geolocation and any `x-...` of an app's own. */
export class Nodes {
  readonly #database: Database
  readonly #log: EventLog

  constructor(deps: { database: Database; log: EventLog }) {
    this.#database = deps.database
    this.#log = deps.log
  }

  /**
   * Publishes an item. The same `clientId` of the same sender gives the first one back.
   * @throws TrunklineError `invalid_request` for a payload that does not fit the node, `limit_reached` for one node too
   *   many, `conflict` when a clientId is used again for something else, and what appending throws
   */
  async publish(entry: NodeEntry): Promise<NodeItem> {
    const { node, payload } = entry.data
    const fault = nodePayloadFault(node, payload)
    if (fault) throw new TrunklineError('invalid_request', `This is not a payload of ${node}: ${fault}.`)
    const { event, isNew } = await this.#append({ ...entry, type: 'node.published' })
    // Compared as they travel: a parsed value may still hold `undefined` where JSON has nothing.
    const isSame = isNew || isDeepStrictEqual(event.data, JSON.parse(JSON.stringify(entry.data)))
    if (!isSame || event.type !== 'node.published') {
      throw new TrunklineError(
        'conflict',
        'This clientId was already used for something else. Use a new one for each item.',
      )
    }
    return fromEvent(event)
  }

  /** The latest item of each who published to a node, the latest first. */
  latest({ roomId, node, cursor, limit }: NodeQuery): Promise<NodePage> {
    const chosen = sql`
      select ${ITEM} from (
        select room_id, seq from node_values
        where room_id = ${roomId} and node = ${node} and ${before(cursor)}
        order by seq desc limit ${limit + 1}
      ) latest join events using (room_id, seq)`
    return this.#page(chosen, limit)
  }

  /** What was published to a node: the latest page first, ascending within a page. */
  async history({ roomId, node, cursor, limit }: NodeQuery): Promise<NodePage> {
    const chosen = sql`
      select ${ITEM} from events
      where room_id = ${roomId} and type = 'node.published' and data ->> 'node' = ${node} and ${before(cursor)}
      order by seq desc limit ${limit + 1}`
    const page = await this.#page(chosen, limit)
    return { ...page, data: page.data.reverse() }
  }

  /** The nodes of a room, each with its latest item. */
  async list(roomId: string): Promise<NodeItem[]> {
    const { rows } = await this.#database.execute<Row>(sql`${namesIn(roomId)}
      select item.* from nodes
      cross join lateral (
        select ${ITEM} from events
        where room_id = ${roomId} and type = 'node.published' and data ->> 'node' = nodes.name
        order by seq desc limit 1
      ) item
      order by nodes.name`)
    return rows.map(fromRow)
  }

  /** A node that is there already needs no look at how many there are, and its items share transactions with others'. */
  async #append(entry: Entry<'node.published'>) {
    const { roomId, data } = entry
    const [known] = await this.#database
      .select({ node: nodeValues.node })
      .from(nodeValues)
      .where(and(eq(nodeValues.roomId, roomId), eq(nodeValues.node, data.node)))
      .limit(1)
    if (known) return this.#log.append(entry)
    return this.#log.transaction(roomId, async ({ executor, append }) => {
      const appended = await append(entry)
      await assertNotTooMany(executor, roomId)
      return appended
    })
  }

  /** Items of a query, the latest first; it ends early, after at least one, once they are LIMITS.pageBytes. */
  async #page(chosen: SQL, limit: number): Promise<NodePage> {
    const { rows } = await this.#database.execute<Row>(
      measuredPage(chosen, { column: sql`payload`, order: sql`seq desc` }),
    )
    const data = rows.slice(0, limit).map(fromRow)
    const last = data.at(-1)
    const hasMore = (rows[0]?.found ?? 0) > data.length
    return { data, ...(hasMore && last ? { nextCursor: cursorOf(last.seq) } : {}) }
  }
}

const before = (cursor: string | undefined): SQL => {
  const seq = seqOf(cursor)
  return seq === undefined ? sql`true` : sql`seq < ${seq}::bigint`
}

/** @throws TrunklineError `limit_reached` */
const assertNotTooMany = async (executor: Executor, roomId: string): Promise<void> => {
  const { rows } = await executor.execute<{ count: number }>(
    sql`${namesIn(roomId)} select count(name)::int as count from nodes`,
  )
  if ((rows[0]?.count ?? 0) <= LIMITS.nodesPerRoom) return
  throw new TrunklineError(
    'limit_reached',
    `A room has at most ${LIMITS.nodesPerRoom} nodes: publish to one there is, or in another room.`,
    { details: { limit: LIMITS.nodesPerRoom } },
  )
}
