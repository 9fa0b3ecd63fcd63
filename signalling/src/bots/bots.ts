import {
  type Bot,
  type BotChanges,
  type BotPost,
  type Command,
  type CreatedBot,
  LIMITS,
  type RotatedSecret,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import { and, asc, eq, gt, isNotNull, ne, sql } from 'drizzle-orm'
import { isText, readCursor, writeCursor } from '../cursor.ts'
import type { Database, Executor } from '../database.ts'
import type { FanOut } from '../fan-out.ts'
import { Credentials, hashOfToken } from '../identity/credentials.ts'
import { toUser, type Users, userColumns } from '../identity/users.ts'
import type { Vault } from '../identity/vault.ts'
import { derivedId, newId } from '../ids.ts'
import { isHookId } from '../incoming/hooks.ts'
import type { EventStream } from '../log/event-stream.ts'
import { assertTarget } from '../outbound/guarded-lookup.ts'
import { botFeed, botLanes, botMessages, bots, users } from '../schema.ts'

export type BotRow = typeof bots.$inferSelect
/** A bot as the server works with it. */
export type KnownBot = { row: BotRow; user: User }

const TOKEN_PREFIX = 'tlb_'

/** Whether something is to be sent to a bot when something is said. */
export const isHearing = and(isNotNull(bots.url), ne(bots.hears, 'nothing'))

/** Users with a program instead of a screen, as API keys make them. */
export class Bots {
  readonly #database: Database
  readonly #users: Users
  readonly #fanOut: FanOut
  readonly #stream: EventStream
  readonly #credentials: Credentials
  readonly #allowsPrivate: boolean
  readonly #listeners: (() => void)[] = []

  constructor(deps: {
    database: Database
    users: Users
    fanOut: FanOut
    stream: EventStream
    vault: Vault
    allowsPrivate: boolean
  }) {
    this.#database = deps.database
    this.#users = deps.users
    this.#fanOut = deps.fanOut
    this.#stream = deps.stream
    this.#credentials = new Credentials(deps.vault, 'bots')
    this.#allowsPrivate = deps.allowsPrivate
  }

  /** Hears when a bot of this process may have begun to hear something. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /**
   * The same `retryKey` gives the same bot, with the same token.
   * @throws TrunklineError `conflict` for an id that is somebody's, `limit_reached`, `forbidden` for a private address
   */
  async create(post: BotPost, retryKey: string | undefined): Promise<CreatedBot> {
    const { name, url, hears } = post
    if (url !== undefined) assertTarget(url, this.#allowsPrivate)
    const id = post.id ?? (retryKey === undefined ? newId('bot') : derivedId('bot', retryKey))
    const earlier = await this.#read(id)
    if (earlier && retryKey !== undefined && earlier.row.requestKey === retryKey) return this.#open(earlier)
    const taken = (await this.#users.find(this.#database, [id])).get(id)
    // A bot that was deleted may come back; a hook, which posts as a user of its own, is none.
    if (earlier || (taken && (taken.kind !== 'bot' || isHookId(id)))) throw isTaken(id)
    if ((await this.#database.$count(bots)) >= LIMITS.bots) {
      throw new TrunklineError('limit_reached', `There may be ${LIMITS.bots} bots; delete one first.`, {
        details: { limit: LIMITS.bots },
      })
    }
    await this.#users.ensure({ id, name, kind: 'bot' })
    const tokenNumber = Credentials.first()
    const row = {
      userId: id,
      tokenHash: this.#hashOf(id, tokenNumber),
      tokenNumber,
      secretNumber: Credentials.first(),
      url: url ?? null,
      hears,
      requestKey: retryKey ?? null,
    }
    await this.#withFeed(async executor => {
      await executor.insert(bots).values(row).onConflictDoNothing()
    })
    const made = await this.#find(id)
    // Another request was faster, and was not this one.
    if (made.row.requestKey !== row.requestKey || (!retryKey && made.row.tokenNumber !== tokenNumber)) {
      throw isTaken(id)
    }
    return this.#open(made)
  }

  async list(cursor: string | undefined, limit: number): Promise<{ data: Bot[]; nextCursor?: string }> {
    const after = cursor === undefined ? '' : (readCursor(cursor, [isText])[0] as string)
    const found = await this.#database
      .select({ row: bots, user: userColumns })
      .from(bots)
      .innerJoin(users, eq(users.id, bots.userId))
      .where(gt(bots.userId, after))
      .orderBy(asc(bots.userId))
      .limit(limit + 1)
    const page = found.slice(0, limit)
    const last = page.at(-1)
    return {
      data: page.map(({ row, user }) => toBot({ row, user: toUser(user) })),
      ...(found.length > limit && last && { nextCursor: writeCursor(last.row.userId) }),
    }
  }

  /** @throws TrunklineError `not_found` */
  async get(id: string): Promise<Bot> {
    return toBot(await this.#find(id))
  }

  /** @throws TrunklineError `not_found`, `forbidden` for a private address */
  async update(id: string, { name, url, hears }: BotChanges): Promise<Bot> {
    await this.#find(id)
    if (url) assertTarget(url, this.#allowsPrivate)
    if (name !== undefined) await this.#users.rename(id, name)
    if (url !== undefined || hears !== undefined) {
      const changes = { ...(url !== undefined && { url }), ...(hears !== undefined && { hears }) }
      await this.#withFeed(async executor => {
        // What is changed may be what was wrong: what waits is tried at once.
        await executor
          .update(bots)
          .set({ ...changes, problem: null })
          .where(eq(bots.userId, id))
        await executor.update(botLanes).set({ retryAt: sql`now()` }).where(eq(botLanes.botId, id))
        // Who hears nothing any more is not told later either.
        const [hearing] = await executor
          .select({ id: bots.userId })
          .from(bots)
          .where(and(eq(bots.userId, id), isHearing))
        if (!hearing) {
          await executor.delete(botMessages).where(eq(botMessages.botId, id))
          await executor.delete(botLanes).where(eq(botLanes.botId, id))
        }
      })
    }
    return this.get(id)
  }

  /** @throws TrunklineError `not_found` */
  async setCommands(id: string, commands: Command[]): Promise<Bot> {
    await this.#find(id)
    await this.#database.update(bots).set({ commands }).where(eq(bots.userId, id))
    return this.get(id)
  }

  /** @throws TrunklineError `not_found` */
  async remove(id: string): Promise<void> {
    await this.#find(id)
    await this.#withFeed(async executor => {
      await executor.delete(bots).where(eq(bots.userId, id))
    })
    this.#fanOut.disconnect(id)
  }

  /** @throws TrunklineError `not_found` */
  async rotateToken(id: string): Promise<{ token: string }> {
    const { row } = await this.#find(id)
    const tokenNumber = row.tokenNumber + 1
    await this.#database
      .update(bots)
      .set({ tokenNumber, tokenHash: this.#hashOf(id, tokenNumber) })
      .where(and(eq(bots.userId, id), eq(bots.tokenNumber, row.tokenNumber)))
    this.#fanOut.disconnect(id)
    return { token: this.#token(id, tokenNumber) }
  }

  /** @throws TrunklineError `not_found` */
  async rotateSecret(id: string): Promise<RotatedSecret> {
    const { row } = await this.#find(id)
    const previousUntil = new Date(Date.now() + LIMITS.webhookSecretOverlapMs)
    const secretNumber = row.secretNumber + 1
    await this.#database
      .update(bots)
      .set({ secretNumber, previousUntil })
      .where(and(eq(bots.userId, id), eq(bots.secretNumber, row.secretNumber)))
    return {
      secret: this.#credentials.secret(id, secretNumber),
      previousSecretUntil: previousUntil.toISOString(),
    }
  }

  /** Whether a bearer token is meant to be a bot's. */
  isToken(token: string): boolean {
    return token.startsWith(TOKEN_PREFIX)
  }

  /**
   * Who presents a bot's token, and since when there is such a bot.
   * @throws TrunklineError `token_signature`
   */
  async identify(token: string): Promise<{ user: User; createdAt: Date }> {
    const [found] = await this.#database
      .select({ createdAt: bots.createdAt, user: userColumns })
      .from(bots)
      .innerJoin(users, eq(users.id, bots.userId))
      .where(eq(bots.tokenHash, hashOfToken(token)))
    if (!found) {
      throw new TrunklineError(
        'token_signature',
        'No bot has this token: it was replaced by another, or the bot was deleted.',
      )
    }
    return { user: toUser(found.user), createdAt: found.createdAt }
  }

  /** What is sent to a bot is signed with: the latest first. */
  secretsOf({ userId, secretNumber, previousUntil }: BotRow): string[] {
    const secret = (number: number) => this.#credentials.secret(userId, number)
    const isPreviousGood = previousUntil !== null && previousUntil > new Date()
    return [secret(secretNumber), ...(isPreviousGood ? [secret(secretNumber - 1)] : [])]
  }

  /** Keeps what went wrong with a bot, for whoever looks after it; undefined: it answered. */
  async note({ userId, problem: before }: BotRow, problem: string | undefined): Promise<void> {
    if (problem === undefined && before === null) return
    await this.#database
      .update(bots)
      // PostgreSQL keeps no NUL, and half a character is none.
      .set({ problem: problem?.replaceAll('\0', '').toWellFormed() ?? null, problemAt: new Date() })
      .where(eq(bots.userId, userId))
  }

  /**
   * Changes bots. While any hears something, the log is looked through from then on; the row that says how far is locked first, so that
   * two changes at once do not each miss the other.
   */
  async #withFeed(work: (executor: Executor) => Promise<void>): Promise<void> {
    const now = await this.#stream.now()
    await this.#database.insert(botFeed).values({ id: 1 }).onConflictDoNothing()
    await this.#database.transaction(async executor => {
      await executor.select().from(botFeed).for('update')
      await work(executor)
      const hearing = await executor.$count(bots, isHearing)
      await executor.update(botFeed).set({ cursor: hearing > 0 ? sql`coalesce(cursor, ${now})` : null })
    })
    for (const listener of this.#listeners) listener()
  }

  async #read(id: string): Promise<KnownBot | undefined> {
    const [found] = await this.#database
      .select({ row: bots, user: userColumns })
      .from(bots)
      .innerJoin(users, eq(users.id, bots.userId))
      .where(eq(bots.userId, id))
    return found && { row: found.row, user: toUser(found.user) }
  }

  async #find(id: string): Promise<KnownBot> {
    const found = await this.#read(id)
    if (!found) throw new TrunklineError('not_found', 'There is no such bot.')
    return found
  }

  #open(bot: KnownBot): CreatedBot {
    const { userId, tokenNumber, secretNumber } = bot.row
    return {
      ...toBot(bot),
      token: this.#token(userId, tokenNumber),
      secret: this.#credentials.secret(userId, secretNumber),
    }
  }

  #token(id: string, number: number): string {
    return TOKEN_PREFIX + this.#credentials.token(id, number)
  }

  #hashOf(id: string, number: number): Buffer {
    return hashOfToken(this.#token(id, number))
  }
}

const isTaken = (id: string) =>
  new TrunklineError('conflict', `"${id}" is somebody already. Choose another id.`)

const toBot = ({ row, user }: KnownBot): Bot => {
  const { url, hears, commands, createdAt, problem, problemAt, previousUntil } = row
  return {
    user,
    ...(url !== null && { url }),
    hears,
    commands,
    createdAt: createdAt.toISOString(),
    ...(problem !== null && problemAt && { problem: { at: problemAt.toISOString(), reason: problem } }),
    ...(previousUntil && previousUntil > new Date() && { previousSecretUntil: previousUntil.toISOString() }),
  }
}
