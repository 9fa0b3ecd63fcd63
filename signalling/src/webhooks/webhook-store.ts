import { type EventFilter, TrunklineError } from '@trunkline/protocol'
import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { Vault } from '../identity/vault.ts'
import { TOLD, TOLD_COLUMNS, type ToldEvent, type ToldRow, toTold } from '../log/told-events.ts'
import { webhookAttempts, webhookLanes, webhooks } from '../schema.ts'
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
  /** Numbers of rooms in which nothing waits any more. */
  free: number[]
  givenUp: readonly GivenUp[]
  failing: Failing | undefined
}

export type AttemptOf = { told: ToldEvent; url: string; sent: Sent }
export type GivenUp = { told: ToldEvent; attempts: number; firstAttemptAt: Date; problem: string }

/** Webhooks in the database, as the process that tells them reads and writes them. */
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

  /** @throws TrunklineError `not_found` */
  async get(id: string): Promise<WebhookRow> {
    const [row] = await this.#database.select().from(webhooks).where(eq(webhooks.id, id))
    if (!row) throw noSuchWebhook()
    return row
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

  /** How all of them do, for those who watch over the server. */
  async states(): Promise<
    { id: string; waitingRooms: number; deadLetters: number; failingSeconds: number }[]
  > {
    const { rows } = await this.#database.execute<{
      id: string
      waitingRooms: number
      deadLetters: number
      failingSeconds: number
    }>(sql`
      select id, (select count(*) from webhook_lanes where webhook_id = id)::int as "waitingRooms",
        (select count(*) from webhook_dead_letters where webhook_id = id)::int as "deadLetters",
        coalesce(greatest(extract(epoch from now() - failing_since), 0), 0)::float8 as "failingSeconds"
      from webhooks order by id`)
    return rows
  }

  lanes(webhookId: string): Promise<LaneRow[]> {
    return this.#database
      .select()
      .from(webhookLanes)
      .where(eq(webhookLanes.webhookId, webhookId))
      .orderBy(asc(webhookLanes.number))
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
  async progress(webhookId: string, progress: Progress): Promise<boolean> {
    const { cursor, cursorAt, lanes, free, givenUp, failing } = progress
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
          .where(and(eq(webhookLanes.webhookId, webhookId), inArray(webhookLanes.number, free)))
      }
      if (lanes.length > 0) {
        await transaction.execute(sql`
          insert into webhook_lanes (webhook_id, number, room_id, seq, until, attempts, first_attempt_at, retry_at, problem)
          select ${webhookId}, lane.*
          from json_to_recordset(${JSON.stringify(
            lanes.map(lane => ({
              number: lane.number,
              room_id: lane.roomId,
              seq: lane.seq,
              until: lane.until,
              attempts: lane.attempts,
              first_attempt_at: lane.firstAttemptAt,
              retry_at: lane.retryAt,
              problem: lane.problem,
            })),
          )}::json) as lane (number bigint, room_id text, seq bigint, until bigint, attempts int, first_attempt_at timestamptz, retry_at timestamptz, problem text)
          on conflict (webhook_id, number) do update set seq = excluded.seq, until = excluded.until, attempts = excluded.attempts,
            first_attempt_at = excluded.first_attempt_at, retry_at = excluded.retry_at, problem = excluded.problem`)
      }
      if (givenUp.length > 0) {
        // Of a room that was deleted meanwhile nothing is left to be tried again.
        await transaction.execute(sql`
          insert into webhook_dead_letters (webhook_id, number, room_id, seq, attempts, first_attempt_at, problem)
          select ${webhookId}, letter.* from json_to_recordset(${JSON.stringify(
            givenUp.map(({ told, attempts, firstAttemptAt, problem }) => ({
              number: told.room.number,
              room_id: told.event.roomId,
              seq: told.event.seq,
              attempts,
              first_attempt_at: firstAttemptAt,
              problem,
            })),
          )}::json) as letter (number bigint, room_id text, seq bigint, attempts int, first_attempt_at timestamptz, problem text)
          where exists (select from ${TOLD}
            where told.room_id = letter.room_id and told.number = letter.number and told.seq = letter.seq)
          on conflict (webhook_id, number, seq) do update set attempts = excluded.attempts, gave_up_at = now(),
            first_attempt_at = excluded.first_attempt_at, problem = excluded.problem`)
      }
      return true
    })
  }

  /** A stretch of what is told of a room, the first of it. */
  async eventsOf(
    { roomId, number }: { roomId: string; number: number },
    { from, to, limit }: { from: number; to: number; limit: number },
  ): Promise<ToldEvent[]> {
    const { rows } = await this.#database.execute<ToldRow>(sql`
      select ${TOLD_COLUMNS} from ${TOLD}
      where room_id = ${roomId} and number = ${number} and seq >= ${from} and seq <= ${to}
      order by seq limit ${limit}`)
    return rows.map(toTold)
  }

  /** One event; nothing when it is there no more. */
  async event(room: { roomId: string; number: number }, seq: number): Promise<ToldEvent | undefined> {
    const [told] = await this.eventsOf(room, { from: seq, to: seq, limit: 1 })
    return told
  }

  /** The delivery log, all of some moment at once. */
  async log(webhookId: string, attempts: readonly AttemptOf[]): Promise<void> {
    if (attempts.length === 0) return
    await this.#database.execute(sql`
      insert into webhook_attempts (webhook_id, room_id, seq, event_id, url, at, latency_ms, status, answer, problem)
      select ${webhookId}, one.* from json_to_recordset(${JSON.stringify(
        attempts.map(({ told, url, sent }) => ({
          room_id: told.event.roomId,
          seq: told.event.seq,
          event_id: eventIdOf(told),
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
}

export const noSuchWebhook = () => new TrunklineError('not_found', 'There is no such webhook.')

export const filterOf = ({ types, roomIds, metadata }: WebhookRow): EventFilter =>
  ({
    ...(types && { types }),
    ...(roomIds && { roomIds }),
    ...(metadata && { metadata }),
  }) as EventFilter
