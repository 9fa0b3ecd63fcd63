import type { CallActor } from '@trunkline/protocol'
import { callActor } from '../calls/call-standing.ts'
import { derivedId, newId } from '../ids.ts'
import type { OperationHandlers, Performance } from '../operations/operation.ts'
import type { Services } from '../services.ts'

type Asked = Pick<Performance<'stream:stop'>, 'principal' | 'user' | 'role'>

/** `stream:*`: signalling says who asks, the SFU whether they may, and media shows it. */
export const streamOperations = ({ calls, rooms, limits }: Services) => {
  const by = async (roomId: string, performance: Asked): Promise<{ roomId: string; by: CallActor }> => ({
    roomId,
    by: callActor(performance, await rooms.get(roomId)),
  })

  return {
    'stream:start': async ({ roomId, rtmp, hls = false, layout = 'grid' }, performance) => {
      await limits.message(performance.principal)
      const { retryKey, user } = performance
      return calls.sfu.request('stream:start', {
        ...(await by(roomId, performance)),
        streamId: retryKey === undefined ? newId('str') : derivedId('str', roomId, retryKey),
        userId: user.id,
        layout,
        hls,
        ...(rtmp !== undefined && { rtmp }),
      })
    },

    'stream:get': async ({ roomId }, performance) =>
      calls.sfu.request('stream:get', await by(roomId, performance)),

    'stream:pause': async ({ roomId, paused }, performance) =>
      calls.sfu.request('stream:pause', { ...(await by(roomId, performance)), paused }),

    'stream:stop': async ({ roomId }, performance) =>
      calls.sfu.request('stream:stop', await by(roomId, performance)),
  } satisfies Partial<OperationHandlers>
}
