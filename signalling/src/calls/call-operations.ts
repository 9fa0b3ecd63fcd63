import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import { seenCall, seesInto } from './insiders.ts'

/** `call:get`, `call:quality`: what there is to see of a room's call without being in it. */
export const callOperations = ({ calls }: Services) =>
  ({
    'call:get': async ({ roomId }, { role, user }) => {
      const { call } = await calls.sfu.request('call:get', { roomId })
      return { call: seenCall(call, role, user?.id) }
    },
    'call:quality': async ({ roomId }, { role, user }) => {
      const [{ call }, quality] = await Promise.all([
        calls.sfu.request('call:get', { roomId }),
        calls.sfu.request('call:quality', { roomId }),
      ])
      return !call || seesInto(call, role, user?.id) ? quality : { participants: [] }
    },
  }) satisfies Partial<OperationHandlers>
