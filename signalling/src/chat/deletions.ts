import { RIGHTS, type RoomEvent, type RoomEventOf } from '@trunkline/protocol'
import { and, eq, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import type { EventLog } from '../log/event-log.ts'
import { toEvent } from '../log/event-row.ts'
import { type Actor, command } from '../rooms/command.ts'
import { assertMay } from '../rooms/roles.ts'
import { roleOf } from '../rooms/standings.ts'
import { events, messages } from '../schema.ts'
import { clientIdTaken } from './message-data.ts'
import { messageState } from './message-state.ts'

/** Messages of one room that are deleted by one transaction, because their time is over: others write there, too. */
const BATCH = 50

type Deletion = RoomEventOf<'message.deleted'>

/** Takes messages back: what they said is gone from the log as well. */
export class Deletions {
  readonly #database: Database
  readonly #log: EventLog

  constructor(database: Database, log: EventLog) {
    this.#database = database
    this.#log = log
  }

  /**
   * Deletes one's own message, or, for those who moderate, another's. Idempotent: what was deleted before, by whomever,
   * gives that event.
   * @throws TrunklineError `forbidden`, `not_found`, `conflict` when a clientId was used for something else
   */
  delete(
    { roomId, seq, clientId }: { roomId: string; seq: number; clientId?: string | undefined },
    actor: Actor,
  ): Promise<RoomEvent> {
    return command(
      this.#log,
      { roomId, actor, right: 'read' },
      async ({ executor, append, room, sender }) => {
        const state = await messageState(executor, roomId, seq)
        if (actor.principal.type === 'user') {
          const role = await roleOf(executor, roomId, actor.principal.user.id)
          // Nobody writes in an archived room, not even to take something back; it can be moderated still.
          const isWriter = state.sender === sender && room.archivedAt === null
          if (role && !RIGHTS[role].moderate) assertMay(role, isWriter ? 'write' : 'moderate')
        }
        if (state.deletedAt !== null) return deletionOf(executor, roomId, seq)
        const entry = { type: 'message.deleted', sender, clientId, data: { messageSeq: seq } } as const
        const { event } = await append(entry)
        const isIt = event.type === 'message.deleted' && event.data.messageSeq === seq
        if (!isIt) throw clientIdTaken()
        return event
      },
    )
  }

  /**
   * Deletes what has expired, on whichever node looks first.
   * @returns ms until the next one expires, if there is one
   */
  async deleteExpired(): Promise<number | undefined> {
    const { rows: due } = await this.#database.execute<{ room_id: string }>(sql`
      select distinct room_id from messages where expires_at <= now() and deleted_at is null`)
    for (const { room_id: roomId } of due) while ((await this.#deleteBatch(roomId)) === BATCH);
    const { rows } = await this.#database.execute<{ ms: number | null }>(sql`
      select (extract(epoch from min(expires_at) - now()) * 1000)::float8 as ms from messages
      where expires_at is not null and deleted_at is null`)
    return rows[0]?.ms ?? undefined
  }

  #deleteBatch(roomId: string): Promise<number> {
    return this.#log.transaction(roomId, async ({ executor, append }) => {
      const due = await executor
        .select({ seq: messages.seq })
        .from(messages)
        .where(and(eq(messages.roomId, roomId), sql`expires_at <= now() and deleted_at is null`))
        .orderBy(messages.seq)
        .limit(BATCH)
      for (const { seq } of due) {
        await append({ type: 'message.deleted', data: { messageSeq: seq, expired: true } })
      }
      return due.length
    })
  }
}

const deletionOf = async (executor: Executor, roomId: string, seq: number): Promise<Deletion> => {
  const [row] = await executor
    .select()
    .from(events)
    .where(
      and(
        eq(events.roomId, roomId),
        sql`${events.type} = 'message.deleted' and (${events.data} ->> 'messageSeq')::bigint = ${seq}`,
      ),
    )
  if (!row) throw new Error('a message is deleted, but its log does not say so')
  return toEvent(row) as Deletion
}
