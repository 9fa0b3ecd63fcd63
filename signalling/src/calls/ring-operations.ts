import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `ring:*` and `call:history`. */
export const ringOperations = ({ rings, callHistory, limits }: Services) =>
  ({
    'ring:start': async (asked, performance) => {
      const { principal, retryKey } = performance
      await limits.message(principal)
      return rings.start({ ...asked, clientId: asked.clientId ?? retryKey }, performance)
    },

    'ring:accept': async (asked, performance) => {
      const { principal, retryKey } = performance
      await limits.message(principal)
      return rings.accept({ ...asked, clientId: asked.clientId ?? retryKey }, performance)
    },

    'ring:decline': async (asked, performance) => {
      await limits.message(performance.principal)
      return rings.decline(asked, performance)
    },

    'ring:cancel': (asked, performance) => rings.cancel(asked, performance),

    'ring:list': async (_, { user }) => ({ userId: user.id, data: await rings.list(user.id) }),

    'call:history': (asked, { principal, user }) => callHistory.list(asked, { principal, user }),
  }) satisfies Partial<OperationHandlers>
