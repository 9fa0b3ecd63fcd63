import { LIMITS, type Message } from '@trunkline/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { cursorOf, isSeq, isTime, readCursor, seqOf, writeCursor } from '../cursor.ts'
import type { Database, Executor } from '../database.ts'
import { measuredPage } from '../measured-page.ts'
import { type MessageRow, type ReactionRow, toMessage } from './message-row.ts'
import { noSuchMessage } from './message-state.ts'

export type MessageKey = { roomId: string; seq: number }
export type MessagePage = { data: Message[]; nextCursor?: string }
type Paging = { cursor?: string | undefined; limit?: number | undefined }

const keyOf = (key: { room_id: string; seq: string }): string => `${key.room_id} ${key.seq}`

/** Messages `m` with the events that say what they were made with (`c`) and what they say now (`s`). */
const withEvents = (chosen: SQL) => sql`
  select m.room_id, m.seq, m.sender, m.at, m.edited_at, m.deleted_at, m.pinned_at, m.expires_at, m.thread_count,
    m.thread_last_seq, c.client_id, s.data as said,
    json_build_object('replyTo', c.data -> 'replyTo', 'threadOf', c.data -> 'threadOf', 'forwarded',
      c.data -> 'forwarded', 'silent', c.data -> 'silent') as placement
  from (${chosen}) m
  join events c on c.room_id = m.room_id and c.seq = m.seq
  join events s on s.room_id = m.room_id and s.seq = m.content_seq`

/** Messages as they are now: each read is two queries, however many messages there are. */
export class MessageReader {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** These messages, those there are, in this order. */
  async find(keys: readonly MessageKey[], executor: Executor = this.#database): Promise<Message[]> {
    if (keys.length === 0) return []
    const { rows } = await executor.execute<MessageRow>(
      withEvents(sql`select messages.* from ${wanted(keys)} join messages using (room_id, seq)`),
    )
    const found = new Map((await withReactions(executor, rows)).map(message => [nameOf(message), message]))
    return keys.flatMap(key => found.get(nameOf(key)) ?? [])
  }

  /** @throws TrunklineError `not_found` */
  async get(key: MessageKey, executor: Executor = this.#database): Promise<Message> {
    const [message] = await this.find([key], executor)
    if (!message) throw noSuchMessage(key.seq)
    return message
  }

  /** Messages of a room, the latest first page by page, ascending within a page. */
  async list(roomId: string, { cursor, limit = LIMITS.pageSizeDefault }: Paging): Promise<MessagePage> {
    return this.#before(sql`room_id = ${roomId}`, seqOf(cursor), limit)
  }

  /**
   * The answers in a thread, paged like {@link list}.
   * @throws TrunklineError `not_found` when there is no such message
   */
  async thread(
    { roomId, seq }: MessageKey,
    { cursor, limit = LIMITS.pageSizeDefault }: Paging,
  ): Promise<MessagePage> {
    const page = await this.#before(sql`room_id = ${roomId} and thread_of = ${seq}`, seqOf(cursor), limit)
    if (page.data.length === 0) await this.get({ roomId, seq })
    return page
  }

  /** What is pinned in a room, the latest pinned first. */
  async pins(roomId: string, { cursor, limit = LIMITS.pinsPerRoom }: Paging): Promise<MessagePage> {
    const after = cursor === undefined ? undefined : (readCursor(cursor, [isTime, isSeq]) as [string, number])
    const { messages, hasMore } = await this.#page(
      sql`room_id = ${roomId} and pinned_at is not null and deleted_at is null
        and ${after ? sql`(pinned_at, seq) < (${after[0]}::timestamptz, ${after[1]})` : sql`true`}`,
      sql`pinned_at desc, seq desc`,
      limit,
    )
    const last = messages.at(-1)
    return {
      data: messages,
      ...(hasMore && last?.pinnedAt ? { nextCursor: writeCursor(last.pinnedAt, last.seq) } : {}),
    }
  }

  async #before(condition: SQL, before: number | undefined, limit: number): Promise<MessagePage> {
    const bound = before === undefined ? sql`true` : sql`seq < ${before}`
    const { messages, hasMore } = await this.#page(sql`${condition} and ${bound}`, sql`seq desc`, limit)
    const first = messages.at(-1)
    return {
      data: messages.reverse(),
      ...(hasMore && first ? { nextCursor: cursorOf(first.seq) } : {}),
    }
  }

  /** Ends early, after at least one message, once the page holds LIMITS.pageBytes. */
  async #page(condition: SQL, order: SQL, limit: number): Promise<{ messages: Message[]; hasMore: boolean }> {
    // The messages are chosen first: joined before that, a planner that guesses wrong would read the room's whole log.
    const chosen = sql`select * from messages where ${condition} order by ${order} limit ${limit + 1}`
    const { rows } = await this.#database.execute<MessageRow & { found: number }>(
      measuredPage(withEvents(chosen), { column: sql`said`, order }),
    )
    const page = rows.slice(0, limit)
    return {
      messages: await withReactions(this.#database, page),
      hasMore: (rows[0]?.found ?? 0) > page.length,
    }
  }
}

const nameOf = (key: MessageKey): string => `${key.roomId} ${key.seq}`

const wanted = (keys: readonly MessageKey[]): SQL => {
  const roomIds = sql.param(keys.map(key => key.roomId))
  const seqs = sql.param(keys.map(key => key.seq))
  return sql`unnest(${roomIds}::text[], ${seqs}::bigint[]) as wanted(room_id, seq)`
}

const withReactions = async (executor: Executor, rows: readonly MessageRow[]): Promise<Message[]> => {
  if (rows.length === 0) return []
  const keys = rows.map(row => ({ roomId: row.room_id, seq: Number(row.seq) }))
  const { rows: found } = await executor.execute<ReactionRow>(sql`
    select room_id, seq, reaction, count(*)::int as count,
      (array_agg(user_id order by added_seq))[1:${sql.raw(String(LIMITS.reactionUsersListed))}] as user_ids
    from ${wanted(keys)} join reactions using (room_id, seq)
    group by room_id, seq, reaction
    order by min(added_seq)`)
  const reactions = new Map<string, ReactionRow[]>()
  for (const row of found) reactions.set(keyOf(row), [...(reactions.get(keyOf(row)) ?? []), row])
  return rows.map(row => toMessage(row, reactions.get(keyOf(row))))
}
