import type { Logger } from '@trunkline/kit'
import {
  type CreatedWebhook,
  type DeadLetter,
  type EventFilter,
  LIMITS,
  type OutgoingEvent,
  type ReplayRequest,
  type RotatedSecret,
  TrunklineError,
  type Webhook,
  type WebhookAttempt,
  type WebhookChanges,
  type WebhookPost,
} from '@trunkline/protocol'
import { and, asc, count, desc, eq, lt, type SQL, sql } from 'drizzle-orm'
import { isSeq, readCursor, writeCursor } from '../cursor.ts'
import type { Database } from '../database.ts'
import type { Vault } from '../identity/vault.ts'
import { newId } from '../ids.ts'
import type { EventLog } from '../log/event-log.ts'
import type { EventStream, StreamedEvent } from '../log/event-stream.ts'
import { webhookAttempts, webhookDeadLetters, webhookLanes, webhooks } from '../schema.ts'
import { Endpoint } from './endpoint.ts'
import { assertPublic } from './guarded-lookup.ts'
import { eventIdOf, outgoing } from './outgoing.ts'
import { Sender, type Sent } from './sender.ts'
import { newSecret, signedHeaders } from './signature.ts'
import { filterOf, HELD_MS, type WebhookRow, WebhookStore } from './webhook-store.ts'

/** How often a process says that it still sends, and looks for endpoints that nobody sends to, ms. */
const HOLD_MS = 2_000

type Page<T> = { data: T[]; nextCursor?: string }
type Paging = { cursor?: string | undefined; limit: number }

/**
 * Webhooks: kept in the database, and each told of events by one of the processes, whichever took it first. One that dies is
 * followed by another after HELD_MS.
 */
export class Webhooks {
  readonly #database: Database
  readonly #vault: Vault
  readonly #stream: EventStream
  readonly #logger: Logger
  readonly #allowsPrivate: boolean
  readonly #store: WebhookStore
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #stopListening: () => void
  #timer: NodeJS.Timeout | undefined
  #holding: Promise<void> = Promise.resolve()
  #isClosed = false
  #isFailing = false

  constructor(deps: {
    database: Database
    vault: Vault
    log: EventLog
    stream: EventStream
    allowsPrivate: boolean
    logger: Logger
  }) {
    this.#database = deps.database
    this.#vault = deps.vault
    this.#stream = deps.stream
    this.#logger = deps.logger
    this.#allowsPrivate = deps.allowsPrivate
    this.#store = new WebhookStore({ database: deps.database, vault: deps.vault, holder: newId('whp') })
    this.#stopListening = deps.log.onAppend(() => {
      for (const endpoint of this.#endpoints.values()) endpoint.look()
    })
  }

  start(): void {
    this.#hold()
    this.#timer = setInterval(() => this.#hold(), HOLD_MS)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#stopListening()
    await this.#holding
    await Promise.all([...this.#endpoints.keys()].map(id => this.#letGo(id)))
    await this.#store.release().catch(() => undefined)
  }

  async create(post: WebhookPost): Promise<CreatedWebhook> {
    this.#assertAllowed(post.url)
    const existing = await this.#database.$count(webhooks)
    if (existing >= LIMITS.webhooks) {
      throw new TrunklineError(
        'limit_reached',
        `There may be ${LIMITS.webhooks} webhooks; delete one first.`,
        {
          details: { limit: LIMITS.webhooks },
        },
      )
    }
    const secret = newSecret()
    const [row] = await this.#database
      .insert(webhooks)
      .values({
        id: newId('whk'),
        ...columnsOf(post),
        sealedSecret: this.#vault.seal(secret),
        cursor: await this.#stream.now(),
      })
      .returning()
    this.#hold()
    return { ...(await this.#show(row as WebhookRow)), secret }
  }

  async list(): Promise<{ data: Webhook[] }> {
    const rows = await this.#database
      .select()
      .from(webhooks)
      .orderBy(asc(webhooks.createdAt), asc(webhooks.id))
    return { data: await Promise.all(rows.map(row => this.#show(row))) }
  }

  async get(id: string): Promise<Webhook> {
    return this.#show(await this.#row(id))
  }

  async update(id: string, changes: WebhookChanges): Promise<Webhook> {
    if (changes.url !== undefined) this.#assertAllowed(changes.url)
    const { paused, ...others } = changes
    return this.#change(id, { ...columnsOf(others), ...(paused !== undefined && { paused }) })
  }

  async remove(id: string): Promise<void> {
    const gone = await this.#alone(async () => {
      await this.#letGo(id)
      return this.#database.delete(webhooks).where(eq(webhooks.id, id)).returning({ id: webhooks.id })
    })
    if (gone.length === 0) throw noSuchWebhook()
  }

  async rotateSecret(id: string): Promise<RotatedSecret> {
    const secret = newSecret()
    const previousUntil = new Date(Date.now() + LIMITS.webhookSecretOverlapMs)
    await this.#change(id, {
      sealedSecret: this.#vault.seal(secret),
      sealedPrevious: sql`sealed_secret`,
      previousUntil,
    })
    return { secret, previousSecretUntil: previousUntil.toISOString() }
  }

  /** Sends from there on again; what waits is part of it, or was before it and is given up. */
  async replay(id: string, begin: ReplayRequest): Promise<Webhook> {
    const time = 'since' in begin ? new Date(begin.since) : undefined
    const from = 'cursor' in begin ? begin.cursor : await this.#stream.at(new Date(begin.since))
    if (!(await this.#stream.read(from, 1))) {
      throw new TrunklineError(
        'invalid_request',
        'This cursor is of another database. Name a time with `since`.',
      )
    }
    return this.#change(id, { cursor: from, cursorAt: time ?? new Date() }, async () => {
      await this.#database.delete(webhookLanes).where(eq(webhookLanes.webhookId, id))
    })
  }

  /** One that happened nowhere. */
  async test(id: string): Promise<WebhookAttempt> {
    const row = await this.#row(id)
    const at = new Date()
    const roomId = 'test'
    const event: OutgoingEvent = {
      id: newId('evt_test'),
      type: 'message.created',
      timestamp: at.toISOString(),
      data: {
        roomId,
        seq: 1,
        type: 'message.created',
        at: at.toISOString(),
        sender: 'test',
        data: { parts: [{ mime: 'text/plain', text: 'A test: this was said nowhere.' }] },
      },
      room: { id: roomId, kind: 'group', title: 'Test', metadata: {} },
    }
    const { headers, body, sent } = await this.#sendOnce(row, event)
    return { eventId: event.id, ...whatCameOf(sent), request: { url: row.url, headers, body } }
  }

  async attempts(id: string, { cursor, limit }: Paging): Promise<Page<WebhookAttempt>> {
    const row = await this.#row(id)
    const found = await this.#database
      .select()
      .from(webhookAttempts)
      .where(and(eq(webhookAttempts.webhookId, id), before(webhookAttempts.n, cursor)))
      .orderBy(desc(webhookAttempts.n))
      .limit(limit + 1)
    const page = found.slice(0, limit)
    const data = await Promise.all(
      page.map(async (attempt): Promise<WebhookAttempt> => {
        const { roomId, seq, eventId, url, at, latencyMs, status, answer, problem } = attempt
        const [streamed] = await this.#store.eventsOf(roomId, seq, seq, 1)
        // What was deleted since is not shown here either; nor is the room's, if there is another of that id now.
        const isThere = streamed && eventIdOf(streamed) === eventId
        const body = isThere ? JSON.stringify(outgoing(streamed)) : ''
        return {
          eventId,
          roomId,
          seq,
          at: at.toISOString(),
          latencyMs,
          delivered: problem === null,
          request: {
            url,
            headers: body ? signedHeaders(this.#store.secretsOf(row), eventId, at, body) : {},
            body,
          },
          ...(status !== null && { response: { status, body: answer ?? '' } }),
          ...(problem !== null && { problem }),
        }
      }),
    )
    return withNext(data, found, limit)
  }

  async deadLetters(id: string, { cursor, limit }: Paging): Promise<Page<DeadLetter>> {
    await this.#row(id)
    const found = await this.#letters(id, limit + 1, cursor)
    const data = found.slice(0, limit).flatMap(({ streamed, letter }): DeadLetter[] => {
      const { firstAttemptAt, gaveUpAt, attempts, problem } = letter
      if (!streamed) return []
      return [
        {
          event: outgoing(streamed),
          firstAttemptAt: firstAttemptAt.toISOString(),
          gaveUpAt: gaveUpAt.toISOString(),
          attempts,
          problem,
        },
      ]
    })
    return withNext(
      data,
      found.map(({ letter }) => letter),
      limit,
    )
  }

  /** One after the other, the oldest first, until one is not taken. */
  async retryDeadLetters(id: string): Promise<{ delivered: number; left: number }> {
    const row = await this.#row(id)
    let delivered = 0
    const letters = (await this.#letters(id, LIMITS.webhookAttemptsKept)).reverse()
    for (const { streamed, letter } of letters) {
      if (streamed) {
        const { sent } = await this.#sendOnce(row, outgoing(streamed))
        if (!sent.delivered) break
        delivered++
      }
      await this.#database.delete(webhookDeadLetters).where(eq(webhookDeadLetters.n, letter.n))
    }
    const left = await this.#database.$count(webhookDeadLetters, eq(webhookDeadLetters.webhookId, id))
    return { delivered, left }
  }

  async #letters(id: string, limit: number, cursor?: string) {
    const letters = await this.#database
      .select()
      .from(webhookDeadLetters)
      .where(and(eq(webhookDeadLetters.webhookId, id), before(webhookDeadLetters.n, cursor)))
      .orderBy(desc(webhookDeadLetters.n))
      .limit(limit)
    return Promise.all(
      letters.map(async (letter): Promise<{ letter: typeof letter; streamed: StreamedEvent | undefined }> => {
        const [streamed] = await this.#store.eventsOf(letter.roomId, letter.seq, letter.seq, 1)
        return { letter, streamed }
      }),
    )
  }

  async #sendOnce(row: WebhookRow, event: OutgoingEvent) {
    const at = new Date()
    const body = JSON.stringify(event)
    const headers = signedHeaders(this.#store.secretsOf(row), event.id, at, body)
    const sender = new Sender(row.url, { allowsPrivate: this.#allowsPrivate })
    try {
      return { headers, body, sent: await sender.send(headers, body, at) }
    } finally {
      sender.close()
    }
  }

  #assertAllowed(url: string): void {
    if (this.#allowsPrivate) return
    try {
      assertPublic(new URL(url).hostname)
    } catch (error) {
      throw new TrunklineError('forbidden', (error as Error).message)
    }
  }

  async #row(id: string): Promise<WebhookRow> {
    const [row] = await this.#database.select().from(webhooks).where(eq(webhooks.id, id))
    if (!row) throw noSuchWebhook()
    return row
  }

  /**
   * Whoever sends to it stops, and it is taken up again as it is then.
   * @param whileStopped what is done while this process does not send to it
   */
  async #change(
    id: string,
    columns: Partial<Record<keyof WebhookRow, unknown>>,
    whileStopped = async (): Promise<void> => undefined,
  ): Promise<Webhook> {
    const [row] = await this.#alone(async () => {
      const wasHere = this.#endpoints.has(id)
      await this.#letGo(id)
      await whileStopped()
      return this.#database
        .update(webhooks)
        .set({
          ...(columns as Partial<WebhookRow>),
          holder: null,
          // One that another process sends to is left alone until that has noticed, or is not to send any more.
          heldUntil: wasHere ? null : sql`held_until`,
          // What is changed may be what was wrong.
          failingSince: null,
          failures: 0,
          retryAt: null,
          problem: null,
        })
        .where(eq(webhooks.id, id))
        .returning()
    })
    if (!row) throw noSuchWebhook()
    this.#hold()
    return this.#show(row)
  }

  /** Not beside a look at what is held: what is let go for a change would be taken up again as it was before. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#holding.then(work)
    this.#holding = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }

  async #show(row: WebhookRow): Promise<Webhook> {
    const [lanes] = await this.#database
      .select({ waiting: count() })
      .from(webhookLanes)
      .where(eq(webhookLanes.webhookId, row.id))
    const deadLetters = await this.#database.$count(
      webhookDeadLetters,
      eq(webhookDeadLetters.webhookId, row.id),
    )
    const { failingSince, retryAt, problem, previousUntil } = row
    const filter: EventFilter = filterOf(row)
    return {
      id: row.id,
      url: row.url,
      ...(row.description !== null && { description: row.description }),
      ...filter,
      paused: row.paused,
      createdAt: row.createdAt.toISOString(),
      cursor: row.cursor,
      waitingRooms: lanes?.waiting ?? 0,
      deadLetters,
      ...(failingSince &&
        retryAt && {
          failing: {
            since: failingSince.toISOString(),
            reason: problem ?? '',
            retryAt: retryAt.toISOString(),
          },
        }),
      ...(previousUntil &&
        previousUntil > new Date() && { previousSecretUntil: previousUntil.toISOString() }),
    }
  }

  async #letGo(id: string): Promise<void> {
    const endpoint = this.#endpoints.get(id)
    this.#endpoints.delete(id)
    await endpoint?.stop()
  }

  /** Takes what nobody sends to, and stops what is another's by now. One round at a time, and one more after each call. */
  #hold(): void {
    this.#holding = this.#holding.then(async () => {
      if (this.#isClosed) return
      try {
        const asked = performance.now()
        const rows = await this.#store.hold()
        const held = new Set(rows.map(({ id }) => id))
        for (const [id, endpoint] of [...this.#endpoints]) {
          if (!held.has(id) || endpoint.isStopped) await this.#letGo(id)
        }
        for (const row of rows) {
          const endpoint = this.#endpoints.get(row.id) ?? this.#begin(row)
          endpoint.held(HELD_MS - (performance.now() - asked))
        }
        this.#isFailing = false
      } catch (error) {
        if (!this.#isFailing)
          this.#logger.warn({ err: error }, 'webhooks could not be looked after; it is tried again')
        this.#isFailing = true
      }
    })
  }

  #begin(row: WebhookRow): Endpoint {
    const endpoint = new Endpoint(row, {
      store: this.#store,
      stream: this.#stream,
      logger: this.#logger,
      allowsPrivate: this.#allowsPrivate,
    })
    this.#endpoints.set(row.id, endpoint)
    endpoint.held(HELD_MS)
    endpoint.start()
    return endpoint
  }
}

const noSuchWebhook = () => new TrunklineError('not_found', 'There is no such webhook.')

/** Columns of what can be set; null takes a filter away. */
const columnsOf = (post: Partial<Omit<WebhookChanges, 'paused'>>) =>
  ({
    ...(post.url !== undefined && { url: post.url }),
    ...(post.description !== undefined && { description: post.description }),
    ...(post.types !== undefined && { types: post.types }),
    ...(post.roomIds !== undefined && { roomIds: post.roomIds }),
    ...(post.metadata !== undefined && { metadata: post.metadata }),
  }) as { url: string } & Partial<WebhookRow>

const whatCameOf = ({ at, latencyMs, delivered, status, answer, problem }: Sent) => ({
  at: at.toISOString(),
  latencyMs,
  delivered,
  ...(status !== undefined && { response: { status, body: answer ?? '' } }),
  ...(problem !== undefined && { problem }),
})

const before = (
  column: typeof webhookAttempts.n | typeof webhookDeadLetters.n,
  cursor: string | undefined,
): SQL | undefined =>
  cursor === undefined ? undefined : lt(column, readCursor(cursor, [isSeq])[0] as number)

const withNext = <T>(data: T[], found: readonly { n: number }[], limit: number): Page<T> => {
  const last = found[limit - 1]
  return { data, ...(found.length > limit && last && { nextCursor: writeCursor(last.n) }) }
}
