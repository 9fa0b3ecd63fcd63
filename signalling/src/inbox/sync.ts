import {
  eventFor,
  type InboxEntry,
  jsonBytes,
  LIMITS,
  type RoomNews,
  type SyncAnswer,
  type User,
} from '@trunkline/protocol'
import { and, asc, eq, gt, or, sql } from 'drizzle-orm'
import type { MessageReader } from '../chat/message-reader.ts'
import type { Executor } from '../database.ts'
import { departures, members, rooms } from '../schema.ts'
import { entriesOf, type OwnRoom, ownRooms, pendingOf } from './entries.ts'
import { isNews, type NewsQuery, newsOf, removedFrom } from './news.ts'
import type { Snapshots } from './snapshots.ts'
import { readSyncCursor, type SyncCursor, writeSyncCursor } from './sync-cursor.ts'

/** Rooms that are looked through at once: an answer is full after a few of them, or holds many. */
const CHUNK = 50

const START: SyncCursor = { since: undefined }

/**
 * News of all rooms of a user since a cursor. Events are numbered per room, and transactions begin in another order
 * than they end, so a cursor is neither: it is the horizon of the snapshot an answer was read in. What was not over then
 * is told with the next answer, even if some of it was told already (clients go by `seq`), and nothing is missed.
 */
export class Sync {
  readonly #snapshots: Snapshots
  readonly #reader: MessageReader

  constructor(deps: { snapshots: Snapshots; reader: MessageReader }) {
    this.#snapshots = deps.snapshots
    this.#reader = deps.reader
  }

  /**
   * @param options.limit events of each room at most
   * @throws TrunklineError `invalid_request` for a cursor that is none
   */
  since(user: User, options: { cursor?: string | undefined; limit: number }): Promise<SyncAnswer> {
    return this.#snapshots.read(async (executor, horizon) => {
      const known = options.cursor === undefined ? undefined : readSyncCursor(options.cursor, horizon)
      const { since, underway } = known ?? START
      const query: NewsQuery = { userId: user.id, since, horizon, limit: options.limit }
      const own = await roomsWithNews(executor, query, underway?.afterRoom)
      const told = await this.#tell(executor, user, own.slice(0, LIMITS.roomsPerPage), query)
      const last = told.at(-1)
      const hasMore = last !== undefined && told.length < own.length
      const then = underway?.then ?? horizon.xmin
      return {
        rooms: told,
        left: await leftBy(executor, query),
        pending: await pendingOf(executor, user.id, LIMITS.roomsPerPage),
        cursor: writeSyncCursor(
          horizon.identity,
          hasMore ? { since, underway: { then, afterRoom: last.room.id } } : { since: then },
        ),
        hasMore,
        reset: known === undefined,
      }
    })
  }

  /** As many of these rooms as one answer may hold: the first in any case. */
  async #tell(
    executor: Executor,
    user: User,
    own: readonly OwnRoom[],
    query: NewsQuery,
  ): Promise<RoomNews[]> {
    const told: RoomNews[] = []
    let bytes: number = LIMITS.pageBytes
    for (let at = 0; at < own.length && bytes > 0; at += CHUNK) {
      const chunk = own.slice(at, at + CHUNK)
      const news = await newsOf(
        executor,
        chunk.map(({ room }) => room.id),
        { ...query, bytes },
      )
      const shown = chunk.slice(0, news.length)
      const entries = await entriesOf(executor, this.#reader, user, shown)
      const removed = await removedFrom(executor, shown, query)
      for (const [place, { events, hasMore, isCut, came }] of news.entries()) {
        const entry = entries[place] as InboxEntry
        const { room, me } = entry
        const ofRoom: RoomNews = {
          ...entry,
          events: events.map(event => eventFor(me.role, event)),
          hasMore,
          ...(removed.has(room.id) && !came ? { removed: { from: 1, to: room.firstSeq - 1 } } : {}),
        }
        bytes -= jsonBytes(ofRoom)
        if (told.length > 0 && (isCut || bytes < 0)) return told
        told.push(ofRoom)
      }
      if (news.length < chunk.length) return told
    }
    return told
  }
}

const roomsWithNews = (executor: Executor, query: NewsQuery, afterRoom: string | undefined) =>
  ownRooms(executor, query.userId, {
    where: and(
      or(isNews(sql`${rooms.tx}`, query), isNews(sql`${members.tx}`, query)),
      afterRoom === undefined ? undefined : gt(rooms.id, afterRoom),
    ),
    orderBy: [asc(rooms.id)],
    limit: LIMITS.roomsPerPage + 1,
  })

/** Rooms the user was in at the cursor and is not any more. */
const leftBy = async (executor: Executor, query: NewsQuery): Promise<string[]> => {
  if (query.since === undefined) return []
  const rows = await executor
    .select({ roomId: departures.roomId })
    .from(departures)
    .where(and(eq(departures.userId, query.userId), isNews(sql`${departures.tx}`, query)))
  return rows.map(row => row.roomId)
}
