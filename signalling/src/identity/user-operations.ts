import { TrunklineError } from '@trunkline/protocol'
import type { OperationHandlers } from '../operations/operation.ts'
import { sharing } from '../presence/sharing.ts'
import type { Services } from '../services.ts'

/** The same words whether there is no such user or none of theirs: the two are not told apart. */
export const userNotFound = (): TrunklineError =>
  new TrunklineError('not_found', 'There is no such user, or you share no room with them.')

/** `user:*` but for the end of one. */
export const userOperations = ({ users, database }: Services) =>
  ({
    'user:get': async ({ userId }, { user }) => {
      const isVisible =
        !user || user.id === userId || (await sharing(database, user.id, [userId])).has(userId)
      const found = isVisible ? (await users.find(database, [userId])).get(userId) : undefined
      if (!found) throw userNotFound()
      return found
    },

    'user:update': async ({ userId, name }, { principal, user }) => {
      if (principal.type === 'user' && user?.id !== userId) {
        throw new TrunklineError(
          'forbidden',
          "You may change your own name only; an API key changes anybody's.",
        )
      }
      return users.rename(userId, name)
    },
  }) satisfies Partial<OperationHandlers>
