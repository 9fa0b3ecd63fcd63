import { isDeepStrictEqual } from 'node:util'
import { LIMITS, type ScheduledMessage, TrunklineError } from '@trunkline/protocol'
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { isText, isTime, readCursor, writeCursor } from '../cursor.ts'
import type { Database, Executor } from '../database.ts'
import { type FileShares, fileIdsOf } from '../files/file-shares.ts'
import { letGo } from '../files/loose-files.ts'
import { derivedId, newId } from '../ids.ts'
import type { EntryRight } from '../log/entry.ts'
import type { EventLog } from '../log/event-log.ts'
import { events, scheduledMessages, users } from '../schema.ts'
import { type Content, clientIdTaken, comparableParts, createdData, type Placement } from './message-data.ts'
import { assertPlace } from './message-state.ts'

type Row = typeof scheduledMessages.$inferSelect
/** What is kept of a message until it is sent; `right` is what its sender must have then. */
type Kept = Content & Placement & { parts: ScheduledMessage['parts']; right: EntryRight }
type NewSchedule = Kept & { roomId: string; sender: string; clientId: string | undefined; sendAt: string }

/** Messages looked at in one go; rooms are served side by side, each in the order of its times. */
const BATCH = 200
const ROOMS_AT_ONCE = 4

const toScheduled = (row: Row): ScheduledMessage => {
  const { right: _, text: __, silent, ...message } = row.content as Kept
  return {
    id: row.id,
    roomId: row.roomId,
    sender: row.sender,
    sendAt: row.sendAt.toISOString(),
    ...(message as Pick<ScheduledMessage, 'parts'>),
    ...(silent ? { silent: true as const } : {}),
    ...(row.failed === null ? {} : { failed: row.failed }),
  }
}

/**
 * Messages that wait for their time. A row here is all there is of one: the transaction that sends it takes it away, so
 * it is sent once, whichever nodes look and whatever dies meanwhile.
 */
export class ScheduledMessages {
  readonly #database: Database
  readonly #log: EventLog
  readonly #files: FileShares

  constructor(database: Database, log: EventLog, files: FileShares) {
    this.#database = database
    this.#log = log
    this.#files = files
  }

  /**
   * Keeps a message until `sendAt`. The same `clientId` of the same sender is kept once, also after it was sent.
   * @throws TrunklineError `invalid_request` for a time that is past or too far or a file that is not of the room,
   *   `limit_reached`, `conflict`, `unavailable`
   */
  async add({ roomId, sender, clientId, sendAt, ...kept }: NewSchedule): Promise<ScheduledMessage> {
    // Also the clientId of the message once it is sent: by that a client knows it again.
    const id = clientId === undefined ? newId('sched') : derivedId('sched', roomId, sender, clientId)
    const { parts, fault } = await this.#files.look(roomId, kept.parts)
    const content = JSON.parse(JSON.stringify({ ...kept, parts })) as Row['content']
    const row = { id, roomId, sender, clientId: clientId ?? id, sendAt: new Date(sendAt), content }
    return this.#database.transaction(async executor => {
      // One at a time of each user, so that many at once do not pass the limit together.
      await executor.select({ id: users.id }).from(users).where(eq(users.id, sender)).for('update')
      const earlier = await findEarlier(executor, row)
      if (earlier) return earlier
      // A retry may come after its time.
      assertTime(sendAt)
      const waiting = await executor.$count(scheduledMessages, eq(scheduledMessages.sender, sender))
      if (waiting >= LIMITS.scheduledPerUser) {
        throw new TrunklineError(
          'limit_reached',
          `At most ${LIMITS.scheduledPerUser} messages of one user wait to be sent; take one back first.`,
          { details: { limit: LIMITS.scheduledPerUser } },
        )
      }
      await assertPlace(executor, roomId, kept)
      if (fault) throw fault
      const [added] = await executor.insert(scheduledMessages).values(row).onConflictDoNothing().returning()
      // A message that was scheduled without a clientId has its id for one.
      if (!added) throw clientIdTaken()
      return toScheduled(added)
    })
  }

  /** Those of one user in a room, the next to be sent first. A page ends early once it holds LIMITS.pageBytes. */
  async list(
    { roomId, sender }: { roomId: string; sender: string },
    { cursor, limit = LIMITS.pageSizeDefault }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<{ data: ScheduledMessage[]; nextCursor?: string }> {
    const after =
      cursor === undefined ? undefined : (readCursor(cursor, [isTime, isText]) as [string, string])
    const rows = await this.#database
      .select()
      .from(scheduledMessages)
      .where(
        and(
          eq(scheduledMessages.roomId, roomId),
          eq(scheduledMessages.sender, sender),
          after && sql`(send_at, id) > (${after[0]}::timestamptz, ${after[1]})`,
        ),
      )
      .orderBy(scheduledMessages.sendAt, scheduledMessages.id)
      .limit(limit + 1)
    const page: ScheduledMessage[] = []
    let bytes = 0
    for (const row of rows.slice(0, limit)) {
      if (bytes >= LIMITS.pageBytes) break
      bytes += Buffer.byteLength(JSON.stringify(row.content))
      page.push(toScheduled(row))
    }
    const last = page.at(-1)
    const hasMore = rows.length > page.length
    return { data: page, ...(hasMore && last ? { nextCursor: writeCursor(last.sendAt, last.id) } : {}) }
  }

  /** @returns whether it waited still */
  async remove({ roomId, sender, id }: { roomId: string; sender: string; id: string }): Promise<boolean> {
    const isIt = and(
      eq(scheduledMessages.id, id),
      eq(scheduledMessages.roomId, roomId),
      eq(scheduledMessages.sender, sender),
    )
    const removed = await this.#database.transaction(executor => takeBack(executor, isIt))
    return removed > 0
  }

  /**
   * Sends what is due. What its sender may not say any more is kept, with the reason.
   * @returns ms until the next one is due, if one waits
   */
  async sendDue(): Promise<number | undefined> {
    const { rows: due } = await this.#database.execute<{ id: string; room_id: string }>(sql`
      select id, room_id from scheduled_messages where failed is null and send_at <= now()
      order by send_at, created_at limit ${BATCH}`)
    const byRoom = [...Map.groupBy(due, row => row.room_id).values()].values()
    const serve = async () => {
      for (const rows of byRoom) for (const { id, room_id } of rows) await this.#send(id, room_id)
    }
    const served = await Promise.allSettled(Array.from({ length: ROOMS_AT_ONCE }, serve))
    for (const result of served) if (result.status === 'rejected') throw result.reason
    const { rows } = await this.#database.execute<{ ms: number | null }>(sql`
      select (extract(epoch from min(send_at) - now()) * 1000)::float8 as ms from scheduled_messages
      where failed is null`)
    return rows[0]?.ms ?? undefined
  }

  async #send(id: string, roomId: string): Promise<void> {
    try {
      await this.#log.transaction(roomId, async ({ executor, append }) => {
        const [row] = await executor.delete(scheduledMessages).where(eq(scheduledMessages.id, id)).returning()
        // Another node was here first, or its sender took it back.
        if (!row) return
        const { right, ...message } = row.content as Kept
        const data = createdData(message)
        const entry = { type: 'message.created', sender: row.sender, clientId: id, right, data } as const
        const { event, isNew } = await append(entry)
        if (isNew) await assertPlace(executor, roomId, data, event.seq)
      })
    } catch (error) {
      if (!(error instanceof TrunklineError) || error.retryable) throw error
      await this.#database
        .update(scheduledMessages)
        .set({ failed: error.message })
        .where(eq(scheduledMessages.id, id))
    }
  }
}

/** Takes scheduled messages away, with the files that only they named. */
export const takeBack = async (executor: Executor, which: SQL | undefined): Promise<number> => {
  const removed = await executor
    .delete(scheduledMessages)
    .where(which)
    .returning({ roomId: scheduledMessages.roomId, content: scheduledMessages.content })
  for (const { roomId, content } of removed) await letGo(executor, roomId, fileIdsOf(content.parts))
  return removed.length
}

const assertTime = (sendAt: string): void => {
  const inSeconds = (Date.parse(sendAt) - Date.now()) / 1000
  if (inSeconds <= 0) {
    throw new TrunklineError(
      'invalid_request',
      'sendAt is in the past: name a time to come, or send at once.',
    )
  }
  if (inSeconds > LIMITS.scheduleSecondsMax) {
    throw new TrunklineError(
      'invalid_request',
      `sendAt must be at most ${LIMITS.scheduleSecondsMax} seconds ahead.`,
      { details: { limit: LIMITS.scheduleSecondsMax } },
    )
  }
}

/**
 * What an earlier attempt left: a row that waits, or the message itself.
 * @throws TrunklineError `conflict` when the clientId was used for something else
 */
const findEarlier = async (
  executor: Executor,
  row: Omit<Row, 'failed' | 'createdAt'>,
): Promise<ScheduledMessage | undefined> => {
  const [waiting] = await executor.select().from(scheduledMessages).where(eq(scheduledMessages.id, row.id))
  if (waiting) {
    const isSame = isDeepStrictEqual(
      { ...waiting.content, parts: comparableParts(waiting.content.parts) },
      { ...row.content, parts: comparableParts(row.content.parts) },
    )
    if (!isSame) throw clientIdTaken()
    return toScheduled(waiting)
  }
  const [sent] = await executor
    .select({ seq: events.seq })
    .from(events)
    .where(
      and(
        eq(events.roomId, row.roomId),
        sql`coalesce(${events.sender}, '') = ${row.sender}`,
        eq(events.clientId, row.id),
      ),
    )
  return sent && toScheduled({ ...row, failed: null, createdAt: row.sendAt })
}
