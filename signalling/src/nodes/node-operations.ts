import { LIMITS } from '@trunkline/protocol'
import { derivedId } from '../ids.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `node:*`. */
export const nodeOperations = ({ nodes, limits }: Services) =>
  ({
    'node:publish': async ({ roomId, node, payload, clientId }, { principal, user, retryKey }) => {
      // What a server of an app may do is limited by its key.
      if (principal.type === 'user') await limits.message(principal.user.id)
      return nodes.publish({
        roomId,
        sender: user?.id,
        clientId: clientId ?? (retryKey === undefined ? undefined : derivedId('retry', retryKey)),
        right: principal.type === 'user' ? 'write' : 'not-banned',
        data: { node, payload },
      })
    },

    'node:get': ({ roomId, node, cursor, limit = LIMITS.pageSizeDefault }) =>
      nodes.latest({ roomId, node, cursor, limit }),

    'node:history': ({ roomId, node, cursor, limit = LIMITS.pageSizeDefault }) =>
      nodes.history({ roomId, node, cursor, limit }),

    'node:list': async ({ roomId }) => ({ data: await nodes.list(roomId) }),
  }) satisfies Partial<OperationHandlers>
