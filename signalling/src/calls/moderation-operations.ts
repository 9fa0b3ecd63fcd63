import type { CallActor } from '@trunkline/protocol'
import type { OperationHandlers, Performance } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import { callActor } from './call-standing.ts'

type Asked = Pick<Performance<'call:lock'>, 'principal' | 'user' | 'role'>

/** What hosts do, and raising one's hand: signalling says who asks, the SFU whether they may. */
export const moderationOperations = ({ calls, rooms }: Services) => {
  const by = async (roomId: string, performance: Asked): Promise<{ roomId: string; by: CallActor }> => ({
    roomId,
    by: callActor(performance, await rooms.get(roomId)),
  })

  return {
    'call:waiting': async ({ roomId }, performance) =>
      calls.sfu.request('call:waiting', await by(roomId, performance)),

    'call:admit': async ({ roomId, knockIds }, performance) =>
      calls.sfu.request('call:admit', { ...(await by(roomId, performance)), knockIds }),

    'call:deny': async ({ roomId, knockId, reason }, performance) =>
      calls.sfu.request('call:deny', { ...(await by(roomId, performance)), knockId, reason }),

    'call:mute': async ({ roomId, participantId, sources }, performance) =>
      calls.sfu.request('call:mute', {
        ...(await by(roomId, performance)),
        targetId: participantId,
        sources,
      }),

    'call:remove': async ({ roomId, participantId, reason }, performance) =>
      calls.sfu.request('call:remove', {
        ...(await by(roomId, performance)),
        targetId: participantId,
        reason,
      }),

    'call:lock': async ({ roomId, locked }, performance) =>
      calls.sfu.request('call:lock', { ...(await by(roomId, performance)), locked }),

    'call:end': async ({ roomId }, performance) =>
      calls.sfu.request('call:end', await by(roomId, performance)),

    'call:role': async ({ roomId, participantId, role }, performance) =>
      calls.sfu.request('call:role', { ...(await by(roomId, performance)), targetId: participantId, role }),

    'call:hand': async ({ roomId, participantId, raised }, performance) =>
      calls.sfu.request('call:hand', { ...(await by(roomId, performance)), targetId: participantId, raised }),
  } satisfies Partial<OperationHandlers>
}
