import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `search:*`. */
export const searchOperations = ({ rooms, search }: Services) =>
  ({
    'search:find': async (request, { principal, user }) => {
      // A room that the token grants is the user's own from the first time it is asked for.
      if (request.roomId !== undefined && principal.type === 'user') {
        await rooms.authorise(principal, request.roomId, 'read')
      }
      return search.find(user, request)
    },
  }) satisfies Partial<OperationHandlers>
