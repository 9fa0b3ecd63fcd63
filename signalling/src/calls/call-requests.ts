import type { RequestData, SfuRequestData, SfuRequestName } from '@trunkline/protocol'
import type { Services } from '../services.ts'
import { audience, type Session } from '../session.ts'
import { arrivals, notInCall } from './arrivals.ts'

type OfParticipant = { roomId: string; participantId: string }

/**
 * `call:*`, `transport:*`, `producer:*`, `consumer:*`, `data:*`, `key:*`: signalling checks that the participant is this socket's
 * own, the SFU does the rest.
 */
export const callRequests = (services: Services, session: Session) => {
  const { calls, iceServers, limits } = services
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

  return {
    'call:capabilities': async () => ({
      userId: user.id,
      routerRtpCapabilities: await calls.capabilities(),
    }),

    ...arrivals(services, session),

    'call:leave': async (data: RequestData<'call:leave'>) => {
      assertOwn(data)
      participants.delete(data.participantId)
      await session.leave(audience.participant(data.participantId))
      return calls.sfu.request('call:leave', data)
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
    'data:produce': pass('data:produce'),
    'data:receive': pass('data:receive'),
    'data:resume': pass('data:resume'),
    'key:send': async (data: RequestData<'key:send'>) => {
      assertOwn(data)
      await limits.keySend(data.participantId)
      return calls.sfu.request('key:send', data)
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
