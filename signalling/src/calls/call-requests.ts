import {
  LIMITS,
  type RequestData,
  type SfuRequestData,
  type SfuRequestName,
  TrunklineError,
} from '@trunkline/protocol'
import { assertMaySpeak } from '../identity/blocks.ts'
import { newId } from '../ids.ts'
import type { Services } from '../services.ts'
import { audience, listen, type Session } from '../session.ts'

type OfParticipant = { roomId: string; participantId: string }

/**
 * `call:*`, `transport:*`, `producer:*`, `consumer:*`: signalling checks that the participant is this socket's own,
 * the SFU does the rest.
 */
export const callRequests = (services: Services, session: Session) => {
  const { database, rooms, calls, iceServers } = services
  const { principal, participants } = session.data
  const { user } = principal

  const assertOwn = ({ roomId, participantId }: OfParticipant) => {
    if (participants.get(participantId) !== roomId) throw notInCall()
  }

  /** Passes a request of an own participant on to the SFU. */
  const pass =
    <N extends SfuRequestName>(name: N) =>
    async (data: SfuRequestData<N> & OfParticipant) => {
      assertOwn(data)
      return calls.sfu.request(name, data)
    }

  /**
   * Counts a new participant of this socket, and returns those it replaces. One socket is in a room's call once: whoever
   * joins again has not heard of the first time (a lost answer, a call that lost its media), and nobody would ever take
   * that participant out.
   */
  const replace = (roomId: string, participantId: string): string[] => {
    const earlier = [...participants].filter(([, room]) => room === roomId).map(([id]) => id)
    if (earlier.length === 0 && participants.size >= LIMITS.callsPerSocket) {
      throw new TrunklineError(
        'limit_reached',
        `At most ${LIMITS.callsPerSocket} calls may be joined at once; leave one first.`,
        { details: { limit: LIMITS.callsPerSocket } },
      )
    }
    for (const id of earlier) participants.delete(id)
    participants.set(participantId, roomId)
    return earlier
  }

  const leave = async (roomId: string, participantId: string) => {
    await session.leave(audience.participant(participantId))
    return calls.sfu.request('call:leave', { roomId, participantId })
  }

  return {
    'call:join': async ({ roomId, rtpCapabilities, lastN }: RequestData<'call:join'>) => {
      await rooms.authorise(principal, roomId, 'call')
      // Who may not write to the other does not ring either.
      await assertMaySpeak(database, await rooms.get(roomId), user.id)
      const participantId = newId('par')
      const earlier = replace(roomId, participantId)
      try {
        // Listening begins first: a notice may overtake the answer.
        await listen(session, audience.participant(participantId))
        // Once more, now that losing the right would find this participant.
        await rooms.authorise(principal, roomId, 'call')
        const [ice] = await Promise.all([iceServers.mint(user.id), ...earlier.map(id => leave(roomId, id))])
        const joined = await calls.sfu.request('call:join', {
          roomId,
          participantId,
          userId: user.id,
          name: user.name,
          rtpCapabilities,
          ...(lastN === undefined ? {} : { lastN }),
        })
        if (!participants.has(participantId)) {
          // The socket was lost, or joined again, while the SFU worked: its leaving may have come before this joining.
          await calls.sfu.request('call:leave', { roomId, participantId })
          throw notInCall()
        }
        return { ...joined, iceServers: ice.iceServers }
      } catch (error) {
        participants.delete(participantId)
        await session.leave(audience.participant(participantId))
        throw error
      }
    },

    'call:leave': async (data: RequestData<'call:leave'>) => {
      assertOwn(data)
      participants.delete(data.participantId)
      return leave(data.roomId, data.participantId)
    },

    'transport:connect': pass('transport:connect'),
    'transport:restart': async (data: RequestData<'transport:restart'>) => {
      assertOwn(data)
      const [restarted, ice] = await Promise.all([
        calls.sfu.request('transport:restart', data),
        iceServers.mint(user.id),
      ])
      return { ...restarted, iceServers: ice.iceServers }
    },
    'producer:create': pass('producer:create'),
    'producer:close': pass('producer:close'),
    'producer:pause': pass('producer:pause'),
    'producer:resume': pass('producer:resume'),
    'consumer:resume': pass('consumer:resume'),
    'consumer:pause': pass('consumer:pause'),
    'consumer:prefer': pass('consumer:prefer'),
  }
}

const notInCall = () =>
  new TrunklineError('not_in_call', 'This participant is not yours or has left. Join the call first.')
