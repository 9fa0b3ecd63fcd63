import type { CreatedHook } from '@trunkline/protocol'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import type { OpenHook } from './hooks.ts'

/** What only whoever makes a hook is shown; a secret is of use where signatures are wanted. */
const shown = ({ hook, path, secret }: OpenHook): CreatedHook => ({
  ...hook,
  path,
  ...(hook.signed && { secret }),
})

/** `hook:*`. */
export const hookOperations = ({ hooks }: Services) =>
  ({
    'hook:create': async ({ signed = false, ...post }, { retryKey }) =>
      shown(await hooks.create({ ...post, signed }, retryKey)),

    'hook:list': async ({ roomId }) => ({ data: await hooks.list(roomId) }),

    'hook:update': ({ roomId, hookId, ...changes }) => hooks.update({ roomId, hookId }, changes),

    'hook:rotate': async hook => shown(await hooks.rotate(hook)),

    'hook:delete': async (hook, performance) => {
      await hooks.remove(hook, performance)
      return {}
    },
  }) satisfies Partial<OperationHandlers>
