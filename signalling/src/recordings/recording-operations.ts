import { type CallActor, LIMITS, TrunklineError } from '@trunkline/protocol'
import { count, eq } from 'drizzle-orm'
import { callActor } from '../calls/call-standing.ts'
import { derivedId, newId } from '../ids.ts'
import type { OperationHandlers, Performance } from '../operations/operation.ts'
import { events, recordings } from '../schema.ts'
import type { Services } from '../services.ts'
import { startedId, wroteBefore } from './recordings.ts'

type Asked = Pick<Performance<'recording:stop'>, 'principal' | 'user' | 'role'>

/** `recording:*`: signalling says who asks, the SFU whether they may, and keeps what there is. */
export const recordingOperations = ({ calls, rooms, limits, database }: Services) => {
  const by = async (roomId: string, performance: Asked): Promise<{ roomId: string; by: CallActor }> => ({
    roomId,
    by: callActor(performance, await rooms.get(roomId)),
  })

  /** @throws TrunklineError `limit_reached` for who has so many that go on, or of which the film is not made yet */
  const assertOneMore = async ({ principal, user }: Performance<'recording:start'>): Promise<void> => {
    // A server records as many calls as it likes.
    if (principal.type === 'key') return
    const [{ open } = { open: 0 }] = await database
      .select({ open: count() })
      .from(recordings)
      .where(eq(recordings.userId, user.id))
    const limit = LIMITS.recordingsPerUser
    if (open < limit) return
    throw new TrunklineError(
      'limit_reached',
      `At most ${limit} recordings of one user go on, or wait for their films, at a time. Try again later.`,
      { details: { limit } },
    )
  }

  /** @throws TrunklineError `conflict` when what is tried again began, and is over: it would be kept in place of that */
  const assertNotOver = async (roomId: string, userId: string, recordingId: string): Promise<void> => {
    const begun = await database
      .select({ seq: events.seq })
      .from(events)
      .where(wroteBefore(roomId, userId, startedId(recordingId)))
    if (begun.length === 0) return
    const { call } = await calls.sfu.request('call:get', { roomId })
    if (call?.recording?.id === recordingId) return
    throw new TrunklineError(
      'conflict',
      'The recording that this Idempotency-Key started is over. Use another key for another one.',
    )
  }

  return {
    'recording:start': async ({ roomId, layout = 'grid' }, performance) => {
      await limits.message(performance.principal)
      const { retryKey, user } = performance
      const recordingId = retryKey === undefined ? newId('rec') : derivedId('rec', roomId, user.id, retryKey)
      await assertOneMore(performance)
      if (retryKey !== undefined) await assertNotOver(roomId, user.id, recordingId)
      return calls.sfu.request('recording:start', {
        ...(await by(roomId, performance)),
        recordingId,
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
