import { type IncomingHook, LIMITS, RIGHTS, TrunklineError, type User } from '@trunkline/protocol'
import { and, asc, eq } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { Credentials, hashOfToken } from '../identity/credentials.ts'
import { toUser, type Users, userColumns } from '../identity/users.ts'
import type { Vault } from '../identity/vault.ts'
import { derivedId, newId } from '../ids.ts'
import type { EventLog } from '../log/event-log.ts'
import { type Actor, command } from '../rooms/command.ts'
import { afterDeparture } from '../rooms/membership-changes.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { standingOf } from '../rooms/standings.ts'
import { incomingHooks, rooms, users } from '../schema.ts'

const PREFIX = 'hook'

/** Whether an id is, or was, that of a hook. */
export const isHookId = (id: string): boolean => id.startsWith(`${PREFIX}_`)

type HookRow = typeof incomingHooks.$inferSelect
/** A hook, its address, and what is signed with, where it wants signatures. */
export type OpenHook = { hook: IncomingHook; path: string; secret: string }

/**
 * Addresses at which other systems post to rooms. Each is a member of its room, a bot without a token: so everybody sees that there
 * is one and by what name, and who sends it away has silenced it.
 */
export class IncomingHooks {
  readonly #database: Database
  readonly #users: Users
  readonly #rooms: Rooms
  readonly #log: EventLog
  readonly #credentials: Credentials

  constructor(deps: { database: Database; users: Users; rooms: Rooms; log: EventLog; vault: Vault }) {
    this.#database = deps.database
    this.#users = deps.users
    this.#rooms = deps.rooms
    this.#log = deps.log
    this.#credentials = new Credentials(deps.vault, 'incoming hooks')
  }

  /** @throws TrunklineError `conflict` for a direct room, `limit_reached` */
  async create(
    post: { roomId: string; name: string; signed: boolean },
    retryKey: string | undefined,
  ): Promise<OpenHook> {
    const { roomId, name, signed } = post
    const room = await this.#rooms.get(roomId)
    if (room.kind === 'direct') {
      throw new TrunklineError('conflict', 'A direct room has exactly its two members: no hook posts there.')
    }
    const id = retryKey === undefined ? newId(PREFIX) : derivedId(PREFIX, roomId, retryKey)
    // Before anybody is made for it.
    assertPlace(await this.#of(this.#database, roomId), id)
    const user = await this.#users.ensure({ id, name, kind: 'bot' })
    const tokenNumber = Credentials.first()
    const row = { id, roomId, signed, tokenNumber, tokenHash: this.#hashOf(id, tokenNumber) }
    await this.#database.transaction(async executor => {
      // One at a time of each room, so that many at once do not pass the limit together.
      await executor.select({ id: rooms.id }).from(rooms).where(eq(rooms.id, roomId)).for('no key update')
      const there = await this.#of(executor, roomId)
      assertPlace(there, id)
      if (!there.includes(id)) await executor.insert(incomingHooks).values(row)
    })
    await this.#rooms.enter(roomId, user, () => 'publisher')
    return this.#open(await this.#find(roomId, id))
  }

  async list(roomId: string): Promise<IncomingHook[]> {
    const found = await this.#database
      .select({ hook: incomingHooks, user: userColumns })
      .from(incomingHooks)
      .innerJoin(users, eq(users.id, incomingHooks.id))
      .where(eq(incomingHooks.roomId, roomId))
      .orderBy(asc(incomingHooks.createdAt), asc(incomingHooks.id))
    return found.map(({ hook, user }) => toHook(hook, toUser(user)))
  }

  /** @throws TrunklineError `not_found` */
  async update(
    { roomId, hookId }: { roomId: string; hookId: string },
    { name, signed }: { name?: string | undefined; signed?: boolean | undefined },
  ): Promise<IncomingHook> {
    await this.#find(roomId, hookId)
    if (name !== undefined) await this.#users.rename(hookId, name)
    if (signed !== undefined) {
      await this.#database.update(incomingHooks).set({ signed }).where(eq(incomingHooks.id, hookId))
    }
    const { row, user } = await this.#find(roomId, hookId)
    return toHook(row, user)
  }

  /** @throws TrunklineError `not_found` */
  async rotate({ roomId, hookId }: { roomId: string; hookId: string }): Promise<OpenHook> {
    const { row } = await this.#find(roomId, hookId)
    const tokenNumber = row.tokenNumber + 1
    await this.#database
      .update(incomingHooks)
      .set({ tokenNumber, tokenHash: this.#hashOf(hookId, tokenNumber) })
      .where(and(eq(incomingHooks.id, hookId), eq(incomingHooks.tokenNumber, row.tokenNumber)))
    return this.#open(await this.#find(roomId, hookId))
  }

  /** Its name stays on what it said. @throws TrunklineError `not_found` */
  async remove({ roomId, hookId }: { roomId: string; hookId: string }, actor: Actor): Promise<void> {
    await this.#find(roomId, hookId)
    await this.#database.delete(incomingHooks).where(eq(incomingHooks.id, hookId))
    await command(this.#log, { roomId, actor, right: 'update' }, async context => {
      const standing = await standingOf(context.executor, roomId, hookId)
      if (!standing || !RIGHTS[standing.role].read) return
      await context.append({ type: 'member.removed', sender: context.sender, data: { userId: hookId } })
      await afterDeparture(context, standing.role)
    })
  }

  /** The hook whose address this is. @throws TrunklineError `not_found` */
  async byToken(token: string): Promise<OpenHook> {
    const [found] = await this.#database
      .select({ row: incomingHooks, user: userColumns })
      .from(incomingHooks)
      .innerJoin(users, eq(users.id, incomingHooks.id))
      .where(eq(incomingHooks.tokenHash, hashOfToken(token)))
    if (!found) {
      throw new TrunklineError(
        'not_found',
        'There is no hook at this address: it was deleted, or has another address by now.',
      )
    }
    return this.#open({ row: found.row, user: toUser(found.user) })
  }

  /** The ids of a room's. */
  async #of(executor: Executor, roomId: string): Promise<string[]> {
    const there = await executor
      .select({ id: incomingHooks.id })
      .from(incomingHooks)
      .where(eq(incomingHooks.roomId, roomId))
    return there.map(({ id }) => id)
  }

  async #find(roomId: string, id: string): Promise<{ row: HookRow; user: User }> {
    const [found] = await this.#database
      .select({ row: incomingHooks, user: userColumns })
      .from(incomingHooks)
      .innerJoin(users, eq(users.id, incomingHooks.id))
      .where(and(eq(incomingHooks.id, id), eq(incomingHooks.roomId, roomId)))
    if (!found) throw new TrunklineError('not_found', 'There is no such hook in this room.')
    return { row: found.row, user: toUser(found.user) }
  }

  #open({ row, user }: { row: HookRow; user: User }): OpenHook {
    const { id, tokenNumber } = row
    return {
      hook: toHook(row, user),
      path: `/v1/hooks/${this.#credentials.token(id, tokenNumber)}`,
      secret: this.#credentials.secret(id, tokenNumber),
    }
  }

  #hashOf(id: string, number: number): Buffer {
    return hashOfToken(this.#credentials.token(id, number))
  }
}

/** @throws TrunklineError `limit_reached`, but for one that is there already */
const assertPlace = (there: readonly string[], id: string): void => {
  if (there.length < LIMITS.hooksPerRoom || there.includes(id)) return
  throw new TrunklineError(
    'limit_reached',
    `A room may have ${LIMITS.hooksPerRoom} hooks; delete one first.`,
    {
      details: { limit: LIMITS.hooksPerRoom },
    },
  )
}

const toHook = ({ id, roomId, signed, createdAt }: HookRow, user: User): IncomingHook => ({
  id,
  roomId,
  user,
  signed,
  createdAt: createdAt.toISOString(),
})
