import type { EventFilter } from '@trunkline/protocol'
import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { Vault } from '../identity/vault.ts'
import { type EventRow, toEvent } from '../log/event-row.ts'
import type { StreamedEvent } from '../log/event-stream.ts'
import { webhookAttempts, webhookDeadLetters, webhookLanes, webhooks } from '../schema.ts'
import { eventIdOf } from './outgoing.ts'
import type { Failing } from './pulse.ts'
import type { Sent } from './sender.ts'

export type WebhookRow = typeof webhooks.$inferSelect
export type LaneRow = typeof webhookLanes.$inferSelect

/** How long a process may send without saying that it still does, ms. */
export const HELD_MS = 10_000

/** What is written down in one go. */
export type Progress = {
  cursor: string
  cursorAt: Date
  lanes: LaneRow[]
  /** Rooms in which nothing waits any more. */
  free: string[]
  failing: Failing | undefined
}

export type AttemptOf = { streamed: StreamedEvent; url: string; sent: Sent }
export type GivenUp = { streamed: StreamedEvent; attempts: number; firstAttemptAt: Date; problem: string }

/** Webhooks as the process that sends them reads and writes them. */
export class WebhookStore {
  readonly #database: Database
  readonly #vault: Vault
  /** This process, as it says that it sends. */
  readonly #holder: string

  constructor(deps: { database: Database; vault: Vault; holder: string }) {
    this.#database = deps.database
    this.#vault = deps.vault
    this.#holder = deps.holder
  }

  /**
   * Takes those that nobody sends for, keeps those that are its own, and gives all that it has now. Its own are waited for: it may
   * be writing down how far one is.
   */
  async hold(): Promise<WebhookRow[]> {
    const { rows } = await this.#database.execute<{ id: string }>(sql`
      update webhooks set holder = ${this.#holder}, held_until = now() + make_interval(secs => ${HELD_MS / 1_000})
      where (not paused and holder = ${this.#holder}) or id in (
        select id from webhooks
        where not paused and holder is distinct from ${this.#holder} and (held_until is null or held_until < now())
        for update skip locked
      ) returning id`)
    const ids = rows.map(({ id }) => id)
    if (ids.length === 0) return []
    return this.#database
      .select()
      .from(webhooks)
      .where(inArray(webhooks.id, ids))
      .orderBy(asc(webhooks.createdAt))
  }

  /** Lets go of one, or of all, for others to take at once. */
  async release(id?: string): Promise<void> {
    await this.#database
      .update(webhooks)
      .set({ holder: null, heldUntil: null })
      .where(and(eq(webhooks.holder, this.#holder), id === undefined ? undefined : eq(webhooks.id, id)))
  }

  lanes(webhookId: string): Promise<LaneRow[]> {
    return this.#database.select().from(webhookLanes).where(eq(webhookLanes.webhookId, webhookId))
  }

  /** Secrets to sign with now, the latest first. */
  secretsOf({ sealedSecret, sealedPrevious, previousUntil }: WebhookRow): string[] {
    const isOverlap = sealedPrevious !== null && previousUntil !== null && previousUntil > new Date()
    return [sealedSecret, ...(isOverlap ? [sealedPrevious] : [])].map(sealed => this.#vault.unseal(sealed))
  }

  /**
   * Writes down how far an endpoint is. A process that another took the endpoint from writes nothing.
   * @returns whether it still is this process's
   */
  async progress(webhookId: string, { cursor, cursorAt, lanes, free, failing }: Progress): Promise<boolean> {
    return this.#database.transaction(async transaction => {
      const held = await transaction
        .update(webhooks)
        .set({
          cursor,
          cursorAt,
          failingSince: failing?.since ?? null,
          failures: failing?.failures ?? 0,
          retryAt: failing?.retryAt ?? null,
          problem: failing?.problem ?? null,
        })
        .where(and(eq(webhooks.id, webhookId), eq(webhooks.holder, this.#holder)))
        .returning({ id: webhooks.id })
      if (held.length === 0) return false
      if (free.length > 0) {
        await transaction
          .delete(webhookLanes)
          .where(and(eq(webhookLanes.webhookId, webhookId), inArray(webhookLanes.roomId, free)))
      }
      if (lanes.length > 0) {
        // A room that was deleted meanwhile has nothing left to be sent.
        await transaction.execute(sql`
          insert into webhook_lanes (webhook_id, room_id, seq, until, attempts, first_attempt_at, retry_at, problem)
          select ${webhookId}, rooms.id, lane.seq, lane.until, lane.attempts, lane.first_attempt_at, lane.retry_at, lane.problem
          from json_to_recordset(${JSON.stringify(
            lanes.map(lane => ({
              room_id: lane.roomId,
              seq: lane.seq,
              until: lane.until,
              attempts: lane.attempts,
              first_attempt_at: lane.firstAttemptAt,
              retry_at: lane.retryAt,
              problem: lane.problem,
            })),
          )}::json) as lane (room_id text, seq bigint, until bigint, attempts int, first_attempt_at timestamptz, retry_at timestamptz, problem text)
          join rooms on rooms.id = lane.room_id
          on conflict (webhook_id, room_id) do update set seq = excluded.seq, until = excluded.until, attempts = excluded.attempts,
            first_attempt_at = excluded.first_attempt_at, retry_at = excluded.retry_at, problem = excluded.problem`)
      }
      return true
    })
  }

  /** A stretch of a room's log, the first of it. */
  async eventsOf(roomId: string, from: number, to: number, limit: number): Promise<StreamedEvent[]> {
    const { rows } = await this.#database.execute<
      Omit<EventRow, 'at' | 'seq'> & { seq: string; at: string; number: string } & StreamedEvent['room']
    >(sql`
      select events.room_id as "roomId", events.seq, events.type, events.sender, events.client_id as "clientId",
        events.data, events.at, rooms.number, rooms.kind, rooms.title, rooms.metadata
      from events join rooms on rooms.id = events.room_id
      where events.room_id = ${roomId} and events.seq >= ${from} and events.seq <= ${to}
      order by events.seq limit ${limit}`)
    return rows.map(({ number, kind, title, metadata, at, seq, ...row }) => ({
      event: toEvent({ ...row, seq: Number(seq), at: new Date(at) }),
      room: { id: roomId, number: Number(number), kind, title, metadata },
      cursor: '',
    }))
  }

  /** The delivery log, all of some moment at once. */
  async log(webhookId: string, attempts: readonly AttemptOf[]): Promise<void> {
    if (attempts.length === 0) return
    await this.#database.execute(sql`
      insert into webhook_attempts (webhook_id, room_id, seq, event_id, url, at, latency_ms, status, answer, problem)
      select ${webhookId}, one.* from json_to_recordset(${JSON.stringify(
        attempts.map(({ streamed, url, sent }) => ({
          room_id: streamed.event.roomId,
          seq: streamed.event.seq,
          event_id: eventIdOf(streamed),
          url,
          at: sent.at,
          latency_ms: sent.latencyMs,
          status: sent.status ?? null,
          answer: sent.answer ?? null,
          problem: sent.problem ?? null,
        })),
      )}::json) as one (room_id text, seq bigint, event_id text, url text, at timestamptz, latency_ms int, status int, answer text, problem text)
      where exists (select from webhooks where id = ${webhookId})`)
  }

  /** Keeps the delivery log short. */
  async prune(webhookId: string, keep: number): Promise<void> {
    await this.#database
      .delete(webhookAttempts)
      .where(
        and(
          eq(webhookAttempts.webhookId, webhookId),
          lte(
            webhookAttempts.n,
            sql`(select n from webhook_attempts where webhook_id = ${webhookId} order by n desc offset ${keep} limit 1)`,
          ),
        ),
      )
  }

  async giveUp(webhookId: string, letters: readonly GivenUp[]): Promise<void> {
    for (const { streamed, attempts, firstAttemptAt, problem } of letters) {
      const { roomId, seq } = streamed.event
      await this.#database.execute(sql`
        insert into ${webhookDeadLetters} (webhook_id, room_id, seq, attempts, first_attempt_at, problem)
        select ${webhookId}, rooms.id, ${seq}, ${attempts}, ${firstAttemptAt.toISOString()}::timestamptz, ${problem}
        from rooms where rooms.id = ${roomId} and exists (select from webhooks where id = ${webhookId})`)
    }
  }
}

export const filterOf = ({ types, roomIds, metadata }: WebhookRow): EventFilter =>
  ({
    ...(types && { types }),
    ...(roomIds && { roomIds }),
    ...(metadata && { metadata }),
  }) as EventFilter
