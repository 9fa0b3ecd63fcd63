import {
  type RequestData,
  type SfuRequestData,
  type SfuRequestName,
  TrunklineError,
} from '@trunkline/protocol'
import { newId } from '../ids.ts'
import type { Services } from '../services.ts'
import { audience, listen, type Session } from '../session.ts'

type OfParticipant = { roomId: string; participantId: string }

/**
 * `call:*`, `transport:*`, `producer:*`, `consumer:*`: signalling checks that the participant is this socket's own,
 * the SFU does the rest.
 */
export const callRequests = (services: Services, session: Session) => {
  const { rooms, calls, iceServers } = services
  const { principal, participants } = session.data
  const { user } = principal

  const assertOwn = ({ roomId, participantId }: OfParticipant) => {
    if (participants.get(participantId) === roomId) return
    throw new TrunklineError('not_in_call', 'This participant is not yours or has left. Join the call first.')
  }

  /** Passes a request of an own participant on to the SFU. */
  const pass =
    <N extends SfuRequestName>(name: N) =>
    async (data: SfuRequestData<N> & OfParticipant) => {
      assertOwn(data)
      return calls.sfu.request(name, data)
    }

  return {
    'call:join': async ({ roomId, rtpCapabilities }: RequestData<'call:join'>) => {
      await rooms.authorise(principal, roomId, 'call')
      const participantId = newId('par')
      // Listening begins first: a notice may overtake the answer.
      await listen(session, audience.participant(participantId))
      participants.set(participantId, roomId)
      try {
        const joined = await calls.sfu.request('call:join', {
          roomId,
          participantId,
          userId: user.id,
          name: user.name,
          rtpCapabilities,
        })
        if (!session.connected) {
          // The socket was lost while the SFU worked; its clean-up has already run without this participant.
          await calls.sfu.request('call:leave', { roomId, participantId })
        }
        return { ...joined, iceServers: iceServers.mint(user.id).iceServers }
      } catch (error) {
        participants.delete(participantId)
        await session.leave(audience.participant(participantId))
        throw error
      }
    },

    'call:leave': async (data: RequestData<'call:leave'>) => {
      assertOwn(data)
      participants.delete(data.participantId)
      await session.leave(audience.participant(data.participantId))
      return calls.sfu.request('call:leave', data)
    },

    'transport:connect': pass('transport:connect'),
    'transport:restart': pass('transport:restart'),
    'producer:create': pass('producer:create'),
    'producer:close': pass('producer:close'),
    'producer:pause': pass('producer:pause'),
    'producer:resume': pass('producer:resume'),
    'consumer:resume': pass('consumer:resume'),
    'consumer:prefer': pass('consumer:prefer'),
  }
}
