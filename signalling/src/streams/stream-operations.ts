import { type CallActor, TrunklineError } from '@trunkline/protocol'
import { callActor } from '../calls/call-standing.ts'
import { derivedId, newId } from '../ids.ts'
import type { OperationHandlers, Performance } from '../operations/operation.ts'
import { wroteBefore } from '../recordings/recordings.ts'
import { events } from '../schema.ts'
import type { Services } from '../services.ts'
import { startedId } from './streams.ts'

type Asked = Pick<Performance<'stream:stop'>, 'principal' | 'user' | 'role'>

/** `stream:*`: signalling says who asks, the SFU whether they may, and media shows it. */
export const streamOperations = ({ calls, rooms, limits, database }: Services) => {
  const by = async (roomId: string, performance: Asked): Promise<{ roomId: string; by: CallActor }> => ({
    roomId,
    by: callActor(performance, await rooms.get(roomId)),
  })

  /** @throws TrunklineError `conflict` when what is tried again began, and is over */
  const assertNotOver = async (roomId: string, userId: string, streamId: string): Promise<void> => {
    const begun = await database
      .select({ seq: events.seq })
      .from(events)
      .where(wroteBefore(roomId, userId, startedId(streamId)))
    if (begun.length === 0) return
    const { call } = await calls.sfu.request('call:get', { roomId })
    if (call?.stream?.id === streamId) return
    throw new TrunklineError(
      'conflict',
      'The stream that this Idempotency-Key started is over. Use another key for another one.',
    )
  }

  return {
    'stream:start': async ({ roomId, rtmp, hls = false, layout = 'grid' }, performance) => {
      await limits.message(performance.principal)
      const { retryKey, user } = performance
      const streamId = retryKey === undefined ? newId('str') : derivedId('str', roomId, user.id, retryKey)
      if (retryKey !== undefined) await assertNotOver(roomId, user.id, streamId)
      return calls.sfu.request('stream:start', {
        ...(await by(roomId, performance)),
        streamId,
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
