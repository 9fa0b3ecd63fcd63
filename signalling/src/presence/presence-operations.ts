import { TrunklineError } from '@trunkline/protocol'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `presence:set`, `presence:get`. */
export const presenceOperations = ({ presence }: Services) =>
  ({
    'presence:set': async (said, { user, session }) => {
      const until = said.custom?.until
      if (until !== undefined && Date.parse(until) <= Date.now()) {
        throw new TrunklineError('invalid_request', 'custom.until is over already: name a time to come.')
      }
      return presence.set(user.id, said, session)
    },

    'presence:get': async ({ userIds }, { user }) => ({ data: await presence.get(userIds, user.id) }),
  }) satisfies Partial<OperationHandlers>
