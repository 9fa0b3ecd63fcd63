import { type JoinedCall, LIMITS, type RequestData, TrunklineError } from '@trunkline/protocol'
import { newId } from '../ids.ts'
import type { Services } from '../services.ts'
import { audience, listen, type Session } from '../session.ts'
import { callDoor } from './call-door.ts'
import { shortened } from './shortened.ts'

/** `call:prepare`, `call:join` and `call:resume` of one socket: how its participants come into a call, and come back. */
export const arrivals = (services: Services, session: Session) => {
  const { rooms, calls, moderation, iceServers } = services
  const { principal, participants } = session.data
  const { user } = principal
  const connectionId = session.id
  /** Those of its participants that have not joined. */
  const prepared = new Set<string>()

  /**
   * Counts a participant of this socket, and says which it is to replace once it is known that it may come. One socket is
   * in a room's call once: whoever joins again has not heard of the first time (a lost answer, a call that lost its media),
   * and nobody would ever take that participant out. Who prepares replaces only what was prepared: people join before that
   * is ready, and either request may overtake the other.
   */
  const reserve = (roomId: string, participantId: string, isPreparing: boolean): string[] => {
    const earlier = [...participants]
      .filter(([id, room]) => room === roomId && id !== participantId && (!isPreparing || prepared.has(id)))
      .map(([id]) => id)
    if (
      earlier.length === 0 &&
      !participants.has(participantId) &&
      participants.size >= LIMITS.callsPerSocket
    ) {
      throw new TrunklineError(
        'limit_reached',
        `At most ${LIMITS.callsPerSocket} calls may be joined at once; leave one first.`,
        { details: { limit: LIMITS.callsPerSocket } },
      )
    }
    participants.set(participantId, roomId)
    if (isPreparing) prepared.add(participantId)
    return earlier
  }

  const forget = async (participantId: string): Promise<void> => {
    participants.delete(participantId)
    prepared.delete(participantId)
    await session.leave(audience.participant(participantId))
  }

  /** These are another by now. */
  const leave = (roomId: string, earlier: readonly string[]) =>
    Promise.all(
      earlier.map(async participantId => {
        await forget(participantId)
        await calls.sfu.request('call:leave', { roomId, participantId })
      }),
    )

  /**
   * What all three have in common: the socket hears what the participant is told before it is asked whether it may, and as
   * what, so that who loses a right finds it; then the SFU is asked.
   * @param way.check whether it may, and as what
   * @param way.lost takes back what the SFU has done for a socket that is gone by now
   * @param way.comesBack who comes anew leaves what it was in before; who comes back leaves it only once it is known to be
   *   who it says
   */
  const arrive = async <D, T extends { participantId: string }>(
    roomId: string,
    participantId: string,
    way: {
      check: () => Promise<D>
      ask: (door: D) => Promise<T>
      lost: () => Promise<unknown>
      isPreparing?: boolean
      comesBack?: boolean
    },
  ) => {
    const wasOwn = participants.get(participantId) === roomId
    const earlier = reserve(roomId, participantId, way.isPreparing ?? false)
    try {
      // Listening begins first: a notice may overtake the answer.
      await listen(session, audience.participant(participantId))
      const [ice, door] = await Promise.all([iceServers.mint(user.id), way.check()])
      if (!way.comesBack) await leave(roomId, earlier)
      const answer = await way.ask(door)
      if (way.comesBack) await leave(roomId, earlier)
      if (!participants.has(participantId)) {
        // The socket was lost, or came anew, while the SFU worked: what that sent may have come before this.
        await way.lost()
        throw notInCall()
      }
      return { ...answer, iceServers: ice.iceServers }
    } catch (error) {
      if (!wasOwn) await forget(participantId)
      throw error
    }
  }

  return {
    'call:prepare': async ({ roomId, rtpCapabilities }: RequestData<'call:prepare'>) => {
      const participantId = newId('par')
      const request = {
        roomId,
        participantId,
        connectionId,
        userId: user.id,
        name: user.name,
        rtpCapabilities,
      }
      return arrive(roomId, participantId, {
        isPreparing: true,
        check: () => callDoor(services, principal, roomId, true),
        ask: door => calls.sfu.request('call:prepare', { ...request, ...door }),
        lost: () => calls.sfu.request('call:leave', { roomId, participantId }),
      })
    },

    'call:join': async (data: RequestData<'call:join'>) => {
      const { roomId, rtpCapabilities, consumerIds, lastN, encryption } = data
      const isPrepared = data.participantId !== undefined && participants.get(data.participantId) === roomId
      const participantId = isPrepared ? (data.participantId as string) : newId('par')
      const request = {
        roomId,
        participantId,
        connectionId,
        userId: user.id,
        name: user.name,
        rtpCapabilities,
        ...(consumerIds === undefined ? {} : { consumerIds }),
        ...(lastN === undefined ? {} : { lastN }),
        ...(encryption && { encryption }),
      }
      return arrive(roomId, participantId, {
        check: () => callDoor(services, principal, roomId),
        ask: door => {
          prepared.delete(participantId)
          return calls.sfu.request('call:join', { ...request, ...door }).then(toldToOwn)
        },
        lost: () => calls.sfu.request('call:leave', { roomId, participantId }),
      })
    },

    'call:resume': async (data: RequestData<'call:resume'>) => {
      const { roomId, participantId } = data
      await rooms.authorise(principal, roomId, 'call')
      // Before this socket hears what that participant is told; that it is its own, the key says to the SFU.
      const { call } = await calls.sfu.request('call:get', { roomId })
      if (!call?.participants.some(({ id, userId }) => id === participantId && userId === user.id))
        throw notInCall()
      const resumed = await arrive(roomId, participantId, {
        comesBack: true,
        check: () => rooms.authorise(principal, roomId, 'call'),
        ask: () =>
          calls.sfu.request('call:resume', { ...data, userId: user.id, connectionId }).then(toldToOwn),
        lost: () => calls.sfu.request('call:away', { roomId, participantId, connectionId }),
      })
      // It may be something else to the room by now than when it was here.
      await moderation.restate(session, roomId, participantId)
      return resumed
    },
  }
}

const toldToOwn = (joined: JoinedCall): JoinedCall => ({
  ...joined,
  call: shortened(joined.call, joined.participantId),
})

export const notInCall = () =>
  new TrunklineError('not_in_call', 'This participant is not yours or has left. Join the call first.')
