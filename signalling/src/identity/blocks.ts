import { LIMITS, type RoomKind, TrunklineError, type User } from '@trunkline/protocol'
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { blocks, users } from '../schema.ts'
import { toUser, userColumns } from './users.ts'

/** Who does not want to hear of whom. */
export class Blocks {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Idempotent.
   * @returns whether this is new
   * @throws TrunklineError `invalid_request` for oneself, `not_found` for who is not there, `limit_reached`
   */
  async add(userId: string, blockedId: string): Promise<boolean> {
    if (userId === blockedId) throw new TrunklineError('invalid_request', 'Nobody can block themselves.')
    return this.#database.transaction(async executor => {
      // One at a time of each user, so that many at once do not pass the limit together.
      await executor.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update')
      const blocked = await this.#ids(executor, userId)
      if (blocked.includes(blockedId)) return false
      if (blocked.length >= LIMITS.blocksPerUser) {
        throw new TrunklineError(
          'limit_reached',
          `At most ${LIMITS.blocksPerUser} users can be blocked; end another block first.`,
          { details: { limit: LIMITS.blocksPerUser } },
        )
      }
      const [target] = await executor.select({ id: users.id }).from(users).where(eq(users.id, blockedId))
      if (!target) throw new TrunklineError('not_found', `There is no user "${blockedId}".`)
      await executor.insert(blocks).values({ userId, blockedId })
      return true
    })
  }

  /** @returns whether there was one to end */
  async remove(userId: string, blockedId: string): Promise<boolean> {
    const removed = await this.#database
      .delete(blocks)
      .where(and(eq(blocks.userId, userId), eq(blocks.blockedId, blockedId)))
      .returning({ id: blocks.blockedId })
    return removed.length > 0
  }

  /** Everybody a user has blocked, by id. */
  ids(userId: string): Promise<string[]> {
    return this.#ids(this.#database, userId)
  }

  /** Those after an id, by id. */
  async list(userId: string, { after, limit }: { after?: string; limit: number }): Promise<User[]> {
    const rows = await this.#database
      .select(userColumns)
      .from(blocks)
      .innerJoin(users, eq(users.id, blocks.blockedId))
      .where(and(eq(blocks.userId, userId), after === undefined ? undefined : gt(blocks.blockedId, after)))
      .orderBy(asc(blocks.blockedId))
      .limit(limit)
    return rows.map(toUser)
  }

  async #ids(executor: Executor, userId: string): Promise<string[]> {
    const rows = await executor
      .select({ id: blocks.blockedId })
      .from(blocks)
      .where(eq(blocks.userId, userId))
      .orderBy(asc(blocks.blockedId))
    return rows.map(row => row.id)
  }
}

/**
 * In a direct room nothing is said once either has blocked the other; in larger rooms everybody speaks, and clients
 * show nothing of those who are blocked.
 * @throws TrunklineError `forbidden`, in the same words for both of them
 */
export const assertMaySpeak = async (
  executor: Executor,
  room: { id: string; kind: RoomKind },
  userId: string,
): Promise<void> => {
  if (room.kind !== 'direct') return
  const { rows } = await executor.execute(sql`
    select 1
    from members other
    join blocks on (blocks.user_id = other.user_id and blocks.blocked_id = ${userId})
      or (blocks.user_id = ${userId} and blocks.blocked_id = other.user_id)
    where other.room_id = ${room.id} and other.user_id <> ${userId}
    limit 1`)
  if (rows.length > 0) throw refusedByBlock()
}

/** @throws TrunklineError `forbidden` where the one who is to be shown something has blocked who would */
export const assertMayAddress = async (executor: Executor, from: string, to: string): Promise<void> => {
  const { rows } = await executor.execute(sql`
    select 1 from blocks where user_id = ${to} and blocked_id = ${from}`)
  if (rows.length > 0) throw refusedByBlock()
}

export const refusedByBlock = (): TrunklineError =>
  new TrunklineError('forbidden', 'The two of you cannot write to each other at the moment.')
