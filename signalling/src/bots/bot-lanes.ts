import { LIMITS, type RoomEventOf, rolesWith } from '@trunkline/protocol'
import { and, eq, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { toUser } from '../identity/users.ts'
import { newId } from '../ids.ts'
import { toEvent } from '../log/event-row.ts'
import type { ToldRoom } from '../log/told-events.ts'
import { isInForce } from '../rooms/standings.ts'
import { botLanes, botMessages, bots, events, members, rooms, users } from '../schema.ts'
import type { KnownBot } from './bots.ts'

/** How long a lane is this process's after it said so last, ms. More than a bot may take. */
const HELD_MS = 30_000

export type LaneRow = typeof botLanes.$inferSelect
export type WaitingMessage = {
  bot: KnownBot
  event: RoomEventOf<'message.created'>
  room: ToldRoom
}

/** Rooms in which bots are to be told something, as the database has them. Each is held by one process while it tells. */
export class BotLanes {
  readonly #database: Database
  readonly #holder = newId('botp')

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Takes lanes whose time has come.
   * @param most of one bot
   * @param busy bots of whom no more are wanted now
   */
  async take(most: number, busy: readonly string[]): Promise<LaneRow[]> {
    const { rows } = await this.#database.execute<{ bot_id: string; room_id: string }>(sql`
      update bot_lanes lane set holder = ${this.#holder}, held_until = ${heldUntil}
      from (
        select bot_id, room_id, row_number() over (partition by bot_id order by retry_at) as n
        from bot_lanes
        where retry_at <= now() and (held_until is null or held_until < now())
          and not bot_id = any(${sql.param([...busy])}::text[])
      ) due
      where due.n <= ${most} and lane.bot_id = due.bot_id and lane.room_id = due.room_id
        and (lane.held_until is null or lane.held_until < now())
      returning lane.bot_id, lane.room_id`)
    if (rows.length === 0) return []
    const taken = new Set(rows.map(row => `${row.bot_id} ${row.room_id}`))
    const held = await this.#database.select().from(botLanes).where(eq(botLanes.holder, this.#holder))
    return held.filter(({ botId, roomId }) => taken.has(`${botId} ${roomId}`))
  }

  /**
   * The next message of a lane, which is this process's from now on for as long again.
   * @returns `gone`: the lane is not this process's any more; `empty`: there is none
   */
  async next({ botId, roomId }: LaneRow): Promise<WaitingMessage | 'skipped' | 'empty' | 'gone'> {
    const held = await this.#database
      .update(botLanes)
      .set({ heldUntil })
      .where(this.#mine(botId, roomId))
      .returning({ botId: botLanes.botId })
    if (held.length === 0) return 'gone'
    const [waiting] = await this.#database
      .select({ seq: botMessages.seq })
      .from(botMessages)
      .where(and(eq(botMessages.botId, botId), eq(botMessages.roomId, roomId)))
      .orderBy(botMessages.seq)
      .limit(1)
    if (!waiting) return 'empty'
    const [found] = await this.#database
      .select({
        event: {
          roomId: events.roomId,
          seq: events.seq,
          type: events.type,
          sender: events.sender,
          clientId: events.clientId,
          data: events.data,
          at: events.at,
        },
        room: {
          id: rooms.id,
          number: rooms.number,
          kind: rooms.kind,
          title: rooms.title,
          metadata: rooms.metadata,
        },
        row: bots,
        user: { id: users.id, name: users.name, kind: users.kind, avatar: users.avatar },
      })
      .from(events)
      .innerJoin(rooms, eq(rooms.id, events.roomId))
      .innerJoin(
        members,
        and(
          eq(members.roomId, events.roomId),
          eq(members.userId, botId),
          sql`${members.role} = any(${sql.param(rolesWith('read'))}::text[])`,
          isInForce,
        ),
      )
      .innerJoin(bots, eq(bots.userId, members.userId))
      .innerJoin(users, eq(users.id, bots.userId))
      .where(and(eq(events.roomId, roomId), eq(events.seq, waiting.seq)))
    const event = found && toEvent(found.event)
    // It is in the room no more, what was said was deleted, or it did not take it for so long that nobody waits for its answer.
    const isOver = !event || Date.now() - Date.parse(event.at) > LIMITS.webhookGiveUpMs
    if (
      !found ||
      isOver ||
      event.type !== 'message.created' ||
      event.data.deleted ||
      found.row.url === null
    ) {
      await this.done(botId, roomId, waiting.seq)
      return 'skipped'
    }
    return { bot: { row: found.row, user: toUser(found.user) }, event, room: found.room }
  }

  /** How many messages wait in all lanes. */
  waiting(): Promise<number> {
    return this.#database.$count(botMessages)
  }

  /** This message is not told (again). */
  async done(botId: string, roomId: string, seq: number): Promise<void> {
    await this.#database.transaction(async executor => {
      await executor
        .delete(botMessages)
        .where(and(eq(botMessages.botId, botId), eq(botMessages.roomId, roomId), eq(botMessages.seq, seq)))
      await executor
        .update(botLanes)
        .set({ attempts: 0, firstAttemptAt: null })
        .where(this.#mine(botId, roomId))
    })
  }

  /** It is told again after a while; until then the lane is nobody's. */
  async failed({ botId, roomId }: LaneRow, first: Date, attempts: number, delayMs: number): Promise<void> {
    await this.#database
      .update(botLanes)
      .set({
        attempts,
        firstAttemptAt: first,
        retryAt: sql`now() + make_interval(secs => ${delayMs / 1_000})`,
        holder: null,
        heldUntil: null,
      })
      .where(this.#mine(botId, roomId))
  }

  /** Takes a lane away in which nothing waits, and lets go of it otherwise. */
  async release({ botId, roomId }: LaneRow): Promise<void> {
    await this.#database.transaction(async executor => {
      // Locked before it is looked: what is put in line meanwhile waits for this, and makes another.
      const [lane] = await executor
        .select({ botId: botLanes.botId })
        .from(botLanes)
        .where(this.#mine(botId, roomId))
        .for('update')
      if (!lane) return
      const of = and(eq(botMessages.botId, botId), eq(botMessages.roomId, roomId))
      if ((await executor.$count(botMessages, of)) === 0) {
        await executor.delete(botLanes).where(this.#mine(botId, roomId))
      } else {
        await executor
          .update(botLanes)
          .set({ holder: null, heldUntil: null })
          .where(this.#mine(botId, roomId))
      }
    })
  }

  #mine(botId: string, roomId: string) {
    return and(eq(botLanes.botId, botId), eq(botLanes.roomId, roomId), eq(botLanes.holder, this.#holder))
  }
}

const heldUntil = sql`now() + make_interval(secs => ${HELD_MS / 1_000})`
