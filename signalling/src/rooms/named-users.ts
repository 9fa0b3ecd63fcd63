import { TrunklineError, type User } from '@trunkline/protocol'
import type { Executor } from '../database.ts'
import type { Users } from '../identity/users.ts'

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
