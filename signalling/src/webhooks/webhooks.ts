import { randomBytes } from 'node:crypto'
import {
  type CreatedWebhook,
  LIMITS,
  type ReplayRequest,
  type RotatedSecret,
  TrunklineError,
  type Webhook,
  type WebhookChanges,
  type WebhookPost,
} from '@trunkline/protocol'
import { and, asc, eq, isNotNull, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import type { Vault } from '../identity/vault.ts'
import { newId } from '../ids.ts'
import type { EventStream } from '../log/event-stream.ts'
import { assertTarget } from '../outbound/guarded-lookup.ts'
import { secretOf } from '../outbound/signature.ts'
import { webhookDeadLetters, webhookLanes, webhooks } from '../schema.ts'
import type { Endpoints } from './endpoints.ts'
import { filterOf, noSuchWebhook, type WebhookRow, type WebhookStore } from './webhook-store.ts'

const SECRET_BYTES = 32

const newSecret = (): string => secretOf(randomBytes(SECRET_BYTES))

/** Webhooks as apps make, change and delete them. */
export class Webhooks {
  readonly #database: Database
  readonly #vault: Vault
  readonly #stream: EventStream
  readonly #store: WebhookStore
  readonly #endpoints: Endpoints
  readonly #allowsPrivate: boolean

  constructor(deps: {
    database: Database
    vault: Vault
    stream: EventStream
    store: WebhookStore
    endpoints: Endpoints
    allowsPrivate: boolean
  }) {
    this.#database = deps.database
    this.#vault = deps.vault
    this.#stream = deps.stream
    this.#store = deps.store
    this.#endpoints = deps.endpoints
    this.#allowsPrivate = deps.allowsPrivate
  }

  /**
   * It is told of what happens from now on. Its secret is in the answer, and nowhere afterwards.
   * @throws TrunklineError `limit_reached`, `forbidden` for an address in the operator's own network
   */
  async create(post: WebhookPost): Promise<CreatedWebhook> {
    assertTarget(post.url, this.#allowsPrivate)
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
    this.#endpoints.hold()
    return { ...(await this.#show(row as WebhookRow)), secret }
  }

  async list(): Promise<{ data: Webhook[] }> {
    const rows = await this.#database
      .select()
      .from(webhooks)
      .orderBy(asc(webhooks.createdAt), asc(webhooks.id))
    return { data: await Promise.all(rows.map(row => this.#show(row))) }
  }

  /** @throws TrunklineError `not_found` */
  async get(id: string): Promise<Webhook> {
    return this.#show(await this.#store.get(id))
  }

  /**
   * What waited is sent as it is from then on; one that failed is tried at once.
   * @throws TrunklineError `not_found`, `forbidden` for an address in the operator's own network
   */
  async update(id: string, changes: WebhookChanges): Promise<Webhook> {
    if (changes.url !== undefined) assertTarget(changes.url, this.#allowsPrivate)
    const { paused, ...others } = changes
    return this.#change(id, { ...columnsOf(others), ...(paused !== undefined && { paused }) })
  }

  /**
   * What waited for it is told to nobody.
   * @throws TrunklineError `not_found`
   */
  async remove(id: string): Promise<void> {
    const gone = await this.#endpoints.without(id, () =>
      this.#database.delete(webhooks).where(eq(webhooks.id, id)).returning({ id: webhooks.id }),
    )
    if (gone.length === 0) throw noSuchWebhook()
  }

  /**
   * For LIMITS.webhookSecretOverlapMs everything is signed with the secret before as well.
   * @throws TrunklineError `not_found`
   */
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

  /**
   * Sends from there on again; from what waits on, where that is earlier: nothing is passed over.
   * @throws TrunklineError `not_found`, `invalid_request` for a cursor that is none, or of another database
   */
  async replay(id: string, begin: ReplayRequest): Promise<Webhook> {
    const time = 'since' in begin ? new Date(begin.since) : undefined
    const from = 'cursor' in begin ? begin.cursor : await this.#stream.at(new Date(begin.since))
    if (!(await this.#stream.read(from, 1))) {
      throw new TrunklineError(
        'invalid_request',
        'This cursor is of another database. Name a time with `since`.',
      )
    }
    return this.#change(id, {}, async executor => {
      // Nobody writes down meanwhile how far it is, nor does another replay.
      const [row] = await executor.select().from(webhooks).where(eq(webhooks.id, id)).for('update')
      if (!row) throw noSuchWebhook()
      const { cursorAt } = row
      const known = (await this.#stream.read(row.cursor, 1)) !== undefined
      const { number, seq, until } = webhookLanes
      const waiting = await executor
        .delete(webhookLanes)
        .where(eq(webhookLanes.webhookId, id))
        .returning({ number, seq, until })
      const cursor = known ? row.cursor : await this.#stream.at(cursorAt)
      return {
        cursor: await this.#stream.earliest([from, cursor], waiting),
        cursorAt: time && time < cursorAt ? time : cursorAt,
      }
    })
  }

  /**
   * Whoever sends to it stops, and it is taken up again as it is then.
   * @param whileStopped what is done while this process does not send to it, and what else is to be changed
   */
  async #change(
    id: string,
    columns: Partial<Record<keyof WebhookRow, unknown>>,
    whileStopped = async (_executor: Executor): Promise<Partial<WebhookRow>> => ({}),
  ): Promise<Webhook> {
    const change = async (executor: Executor, wasHere: boolean) => {
      const changes = await whileStopped(executor)
      return executor
        .update(webhooks)
        .set({
          ...(columns as Partial<WebhookRow>),
          ...changes,
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
    }
    const [row] = await this.#endpoints.without(id, wasHere =>
      this.#database.transaction(executor => change(executor, wasHere)),
    )
    if (!row) throw noSuchWebhook()
    this.#endpoints.hold()
    return this.#show(row)
  }

  /** Since when and why something is not taken: of one that takes nothing at all, or else in the room that waits longest. */
  async #failing({ id, failingSince, retryAt, problem }: WebhookRow): Promise<Webhook['failing']> {
    if (failingSince && retryAt) {
      return { since: failingSince.toISOString(), reason: problem ?? '', retryAt: retryAt.toISOString() }
    }
    const [lane] = await this.#database
      .select()
      .from(webhookLanes)
      .where(and(eq(webhookLanes.webhookId, id), isNotNull(webhookLanes.problem)))
      .orderBy(asc(webhookLanes.firstAttemptAt))
      .limit(1)
    if (!lane?.firstAttemptAt) return undefined
    return {
      since: lane.firstAttemptAt.toISOString(),
      reason: lane.problem ?? '',
      retryAt: lane.retryAt.toISOString(),
    }
  }

  async #show(row: WebhookRow): Promise<Webhook> {
    const waitingRooms = await this.#database.$count(webhookLanes, eq(webhookLanes.webhookId, row.id))
    const deadLetters = await this.#database.$count(
      webhookDeadLetters,
      eq(webhookDeadLetters.webhookId, row.id),
    )
    const { previousUntil } = row
    const failing = await this.#failing(row)
    return {
      id: row.id,
      url: row.url,
      ...(row.description !== null && { description: row.description }),
      ...filterOf(row),
      paused: row.paused,
      createdAt: row.createdAt.toISOString(),
      cursor: row.cursor,
      waitingRooms,
      deadLetters,
      ...(failing && { failing }),
      ...(previousUntil &&
        previousUntil > new Date() && { previousSecretUntil: previousUntil.toISOString() }),
    }
  }
}

/** Columns of what can be set; null takes a filter away. */
const columnsOf = (post: Partial<Omit<WebhookChanges, 'paused'>>) =>
  ({
    ...(post.url !== undefined && { url: post.url }),
    ...(post.description !== undefined && { description: post.description }),
    ...(post.types !== undefined && { types: post.types }),
    ...(post.roomIds !== undefined && { roomIds: post.roomIds }),
    ...(post.metadata !== undefined && { metadata: post.metadata }),
  }) as { url: string } & Partial<WebhookRow>
