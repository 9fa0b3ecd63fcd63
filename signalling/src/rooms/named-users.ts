import { TrunklineError, type User } from '@trunkline/protocol'
import { and, eq, inArray } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import type { Users } from '../identity/users.ts'
import { blocks } from '../schema.ts'

/**
 * The users somebody names.
 * @param options.create for an app's server: those that do not exist yet are created
 * @throws TrunklineError `invalid_request` for one that does not exist
 */
export const namedUsers = async (
  users: Users,
  executor: Executor,
  ids: readonly string[],
  options: { create: boolean },
): Promise<Map<string, User>> => {
  if (options.create) await users.ensureIds(executor, ids)
  const known = await users.find(executor, ids)
  const unknown = ids.find(id => !known.has(id))
  if (unknown !== undefined) {
    throw new TrunklineError(
      'invalid_request',
      `There is no user "${unknown}". Only an API key creates users by naming them.`,
    )
  }
  return known
}

/**
 * A user brings nobody into a room who has blocked it: the block would be worth nothing.
 * @throws TrunklineError `forbidden`
 */
export const assertMayBring = async (
  executor: Executor,
  userId: string,
  others: readonly string[],
): Promise<void> => {
  if (others.length === 0) return
  const [blocked] = await executor
    .select({ by: blocks.userId })
    .from(blocks)
    .where(and(inArray(blocks.userId, [...others]), eq(blocks.blockedId, userId)))
    .limit(1)
  if (blocked) throw new TrunklineError('forbidden', `You cannot bring "${blocked.by}" into a room.`)
}
