import type { CallActor } from '@trunkline/protocol'
import { callActor } from '../calls/call-standing.ts'
import { derivedId, newId } from '../ids.ts'
import type { OperationHandlers, Performance } from '../operations/operation.ts'
import type { Services } from '../services.ts'

type Asked = Pick<Performance<'recording:stop'>, 'principal' | 'user' | 'role'>

/** `recording:*`: signalling says who asks, the SFU whether they may, and keeps what there is. */
export const recordingOperations = ({ calls, rooms, limits }: Services) => {
  const by = async (roomId: string, performance: Asked): Promise<{ roomId: string; by: CallActor }> => ({
    roomId,
    by: callActor(performance, await rooms.get(roomId)),
  })

  return {
    'recording:start': async ({ roomId, layout = 'grid' }, performance) => {
      await limits.message(performance.principal)
      const { retryKey, user } = performance
      return calls.sfu.request('recording:start', {
        ...(await by(roomId, performance)),
        recordingId: retryKey === undefined ? newId('rec') : derivedId('rec', roomId, retryKey),
        userId: user.id,
        layout,
      })
    },

    'recording:pause': async ({ roomId, paused }, performance) =>
      calls.sfu.request('recording:pause', { ...(await by(roomId, performance)), paused }),

    'recording:stop': async ({ roomId }, performance) =>
      calls.sfu.request('recording:stop', await by(roomId, performance)),
  } satisfies Partial<OperationHandlers>
}
