import type { Logger } from '@trunkline/kit'
import { rolesWith } from '@trunkline/protocol'
import { and, inArray, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { FanOut } from '../fan-out.ts'
import { countsOf } from '../inbox/counts.ts'
import type { EventLog } from '../log/event-log.ts'
import { isOneOf } from '../one-of.ts'
import { blocks, members, rooms } from '../schema.ts'
import { audience, type TrunklineServer } from '../session.ts'
import type { ClusterBus } from './cluster-bus.ts'

/** Rooms or users looked up in one query. */
const BATCH = 1_000

const batches = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / BATCH) }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH))

/**
 * Tells this node's sockets what they may have missed while nodes could not hear each other. Of each room that was
 * written to since, the last event: whoever lacks some sees `seq` jump and asks for the gap. What is no event is told
 * as it is now: receipts, counts and blocks. Presence looks after itself, and memberships come by the database; typing
 * has ended by then.
 */
export class CatchUp {
  readonly #io: TrunklineServer
  readonly #database: Database
  readonly #log: EventLog
  readonly #fanOut: FanOut
  readonly #logger: Logger
  /** From which transaction on there is still to be told. */
  #since: string | undefined
  #isRunning = false

  constructor(deps: {
    io: TrunklineServer
    database: Database
    log: EventLog
    fanOut: FanOut
    bus: ClusterBus
    logger: Logger
  }) {
    this.#io = deps.io
    this.#database = deps.database
    this.#log = deps.log
    this.#fanOut = deps.fanOut
    this.#logger = deps.logger
    // Whoever is back, this node or another: what either said meanwhile the other has not heard.
    deps.bus.onMessage(message => {
      if (message.kind === 'back' && message.since !== undefined) this.#askFor(message.since)
    })
  }

  #askFor(since: string): void {
    if (this.#since === undefined || BigInt(since) < BigInt(this.#since)) this.#since = since
    if (this.#isRunning) return
    this.#isRunning = true
    this.#run()
      .catch(error => this.#logger.warn({ err: error }, 'what was missed could not be told'))
      .finally(() => {
        this.#isRunning = false
      })
  }

  async #run(): Promise<void> {
    // Several nodes come back at the same time: one look answers all who asked before it began.
    for (let since = this.#since; since !== undefined; since = this.#since) {
      this.#since = undefined
      const isSince = (column: SQL | typeof rooms.tx | typeof members.tx) => sql`${column} >= ${since}::xid8`
      const open = this.#listenedTo(audience.room(''))
      const inboxes = this.#listenedTo(audience.inbox(''))
      for (const ids of batches([...new Set([...open, ...inboxes])]))
        await this.#events(ids, isSince(rooms.tx))
      for (const ids of batches(open)) await this.#receipts(ids, isSince(members.tx))
      for (const ids of batches(this.#listenedTo(audience.user('')))) {
        await this.#counts(ids, isSince(members.tx))
        await this.#blocks(ids)
      }
    }
  }

  /** What stands behind the prefix in the names of audiences that somebody is in here. */
  #listenedTo(prefix: string): string[] {
    const names = [...this.#io.of('/').adapter.rooms.keys()]
    return names.flatMap(name => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
  }

  async #events(roomIds: readonly string[], isSince: SQL): Promise<void> {
    const changed = await this.#database
      .select({ id: rooms.id })
      .from(rooms)
      .where(and(isOneOf(rooms.id, roomIds), isSince))
    for (const { id } of changed) {
      const { events } = await this.#log.page({ roomId: id, limit: 1 })
      for (const event of events) this.#fanOut.deliverHere(event)
    }
  }

  async #receipts(roomIds: readonly string[], isSince: SQL): Promise<void> {
    const { roomId, userId, deliveredSeq, readSeq } = members
    const receipts = await this.#database
      .select({ roomId, userId, deliveredSeq, readSeq })
      .from(members)
      .where(and(isOneOf(roomId, roomIds), inArray(members.role, rolesWith('read')), isSince))
    for (const receipt of receipts) {
      this.#io.local.to(audience.room(receipt.roomId)).emit('receipt:changed', receipt)
    }
  }

  /** To users whose own numbers moved: they read elsewhere. */
  async #counts(userIds: readonly string[], isSince: SQL): Promise<void> {
    const moved = await this.#database
      .select({ userId: members.userId, roomId: members.roomId, readSeq: members.readSeq })
      .from(members)
      .where(and(isOneOf(members.userId, userIds), inArray(members.role, rolesWith('read')), isSince))
    const byUser = Map.groupBy(moved, row => row.userId)
    for (const [userId, rows] of byUser) {
      const counts = await countsOf(
        this.#database,
        userId,
        rows.map(row => row.roomId),
      )
      for (const { roomId, readSeq } of rows) {
        this.#io.local
          .to(audience.user(userId))
          .emit('counts:changed', { roomId, readSeq, ...counts(roomId) })
      }
    }
  }

  /** To everybody: an unblocked user leaves no trace that would say since when. */
  async #blocks(userIds: readonly string[]): Promise<void> {
    const rows = await this.#database
      .select({ userId: blocks.userId, blockedId: blocks.blockedId })
      .from(blocks)
      .where(isOneOf(blocks.userId, userIds))
    const byUser = Map.groupBy(rows, row => row.userId)
    for (const userId of userIds) {
      const blocked = (byUser.get(userId) ?? []).map(row => row.blockedId)
      this.#io.local.to(audience.user(userId)).emit('blocks:changed', { userIds: blocked })
    }
  }
}
