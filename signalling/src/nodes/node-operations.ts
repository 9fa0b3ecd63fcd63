import { LIMITS } from '@trunkline/protocol'
import { rightToWrite } from '../operations/acting-user.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `node:*`. */
export const nodeOperations = ({ nodes, limits }: Services) =>
  ({
    'node:publish': async ({ roomId, node, payload, clientId }, { principal, user, retryKey }) => {
      await limits.message(principal)
      return nodes.publish({
        roomId,
        sender: user?.id,
        clientId: clientId ?? retryKey,
        right: rightToWrite(principal),
        data: { node, payload },
      })
    },

    'node:get': ({ roomId, node, cursor, limit = LIMITS.pageSizeDefault }) =>
      nodes.latest({ roomId, node, cursor, limit }),

    'node:history': ({ roomId, node, cursor, limit = LIMITS.pageSizeDefault }) =>
      nodes.history({ roomId, node, cursor, limit }),

    'node:list': async ({ roomId }) => ({ data: await nodes.list(roomId) }),
  }) satisfies Partial<OperationHandlers>
