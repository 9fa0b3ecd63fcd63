import { type Message, rolesWith } from '@trunkline/protocol'
import { type SQL, sql } from 'drizzle-orm'
import type { MessageReader } from '../chat/message-reader.ts'
import { isSeq, isText, isTime, readCursor, writeCursor } from '../cursor.ts'
import type { Snapshots } from './snapshots.ts'
import { withinBytes } from './within-bytes.ts'

/** What is new in the channels a user follows, all in one stream. */
export class Feed {
  readonly #snapshots: Snapshots
  readonly #reader: MessageReader

  constructor(deps: { snapshots: Snapshots; reader: MessageReader }) {
    this.#snapshots = deps.snapshots
    this.#reader = deps.reader
  }

  /**
   * Messages that are not deleted, the latest first; none of whom the user has blocked.
   * @throws TrunklineError `invalid_request` for a cursor that is none
   */
  list(
    userId: string,
    query: { cursor?: string | undefined; limit: number },
  ): Promise<{ data: Message[]; nextCursor?: string }> {
    return this.#snapshots.read(async executor => {
      // Within a room times rise with the numbers (they are taken under the room's lock), so the end of its log is where
      // its latest are, by time as well.
      const { rows } = await executor.execute<{ room_id: string; seq: string }>(sql`
        select said.room_id, said.seq
        from members join rooms on rooms.id = members.room_id
        cross join lateral (
          select room_id, seq, at from messages
          where room_id = members.room_id and deleted_at is null and ${behind(query.cursor)}
            and sender not in (select blocked_id from blocks where user_id = ${userId})
          order by seq desc limit ${query.limit + 1}
        ) said
        where members.user_id = ${userId} and members.role = any(${sql.param(rolesWith('read'))})
          and rooms.kind = 'channel' and rooms.last_message_seq is not null
        order by said.at desc, said.room_id desc, said.seq desc
        limit ${query.limit + 1}`)
      const keys = rows.slice(0, query.limit).map(row => ({ roomId: row.room_id, seq: Number(row.seq) }))
      const data = withinBytes(await this.#reader.find(keys, executor))
      const last = data.at(-1)
      const hasMore = data.length < rows.length
      return { data, ...(hasMore && last ? { nextCursor: writeCursor(last.at, last.roomId, last.seq) } : {}) }
    })
  }
}

/** Messages of `messages` after the one a page ended with. */
const behind = (cursor: string | undefined): SQL => {
  if (cursor === undefined) return sql`true`
  const [at, roomId, seq] = readCursor(cursor, [isTime, isText, isSeq]) as [string, string, number]
  return sql`(at, room_id, seq) < (${at}::timestamptz, ${roomId}, ${seq}::bigint)`
}
