import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `call:get`, `call:quality`: what there is to see of a room's call without being in it. */
export const callOperations = ({ calls }: Services) =>
  ({
    'call:get': ({ roomId }) => calls.sfu.request('call:get', { roomId }),
    'call:quality': ({ roomId }) => calls.sfu.request('call:quality', { roomId }),
  }) satisfies Partial<OperationHandlers>
