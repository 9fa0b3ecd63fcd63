import { type InboxEntry, LIMITS, type OperationAnswer, type User } from '@trunkline/protocol'
import { isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { MessageReader } from '../chat/message-reader.ts'
import { isText, isTime, readCursor, writeCursor } from '../cursor.ts'
import type { Executor } from '../database.ts'
import { rooms } from '../schema.ts'
import { countsOfAll } from './counts.ts'
import { activeAt, entriesOf, ownRooms, pendingOf } from './entries.ts'
import type { Snapshots } from './snapshots.ts'
import { withinBytes } from './within-bytes.ts'

type Query = { archived: boolean; cursor?: string | undefined; limit: number }

/** A user's rooms as a list: the latest activity first. */
export class Inbox {
  readonly #snapshots: Snapshots
  readonly #reader: MessageReader

  constructor(deps: { snapshots: Snapshots; reader: MessageReader }) {
    this.#snapshots = deps.snapshots
    this.#reader = deps.reader
  }

  /** @throws TrunklineError `invalid_request` for a cursor that is none */
  list(user: User, query: Query): Promise<OperationAnswer<'inbox:list'>> {
    return this.#snapshots.read(async executor => ({
      ...(await this.#page(executor, user, query)),
      ...(query.cursor === undefined
        ? {
            pending: await pendingOf(executor, user.id, LIMITS.roomsPerPage),
            total: await countsOfAll(executor, user.id, query.archived),
          }
        : {}),
    }))
  }

  async #page(
    executor: Executor,
    user: User,
    query: Query,
  ): Promise<{ data: InboxEntry[]; nextCursor?: string }> {
    const isIt = query.archived ? isNotNull(rooms.archivedAt) : isNull(rooms.archivedAt)
    const own = await ownRooms(executor, user.id, {
      where: sql`${isIt} and ${behind(query.cursor)}`,
      orderBy: [sql`${activeAt} desc`, sql`${rooms.id} desc`],
      limit: query.limit + 1,
    })
    const data = withinBytes(await entriesOf(executor, this.#reader, user, own.slice(0, query.limit)))
    const last = data.at(-1)
    const hasMore = data.length < own.length
    return { data, ...(hasMore && last ? { nextCursor: writeCursor(last.activeAt, last.room.id) } : {}) }
  }
}

/** The rooms after the one a page ended with. */
const behind = (cursor: string | undefined): SQL => {
  if (cursor === undefined) return sql`true`
  const [at, roomId] = readCursor(cursor, [isTime, isText]) as [string, string]
  return sql`(${activeAt}, ${rooms.id}) < (${at}::timestamptz, ${roomId})`
}
