import { LIMITS, type RequestData, TrunklineError } from '@trunkline/protocol'
import { assertMaySpeak } from '../identity/blocks.ts'
import { newId } from '../ids.ts'
import type { Services } from '../services.ts'
import { audience, listen, type Session } from '../session.ts'

/** `call:prepare`, `call:join` and `call:resume` of one socket: how its participants come into a call, and come back. */
export const arrivals = (services: Services, session: Session) => {
  const { database, rooms, calls, moderation, iceServers } = services
  const { principal, participants } = session.data
  const { user } = principal
  const connectionId = session.id
  /** Those of its participants that have not joined. */
  const prepared = new Set<string>()

  /**
   * Counts a participant of this socket, and returns those it replaces. One socket is in a room's call once: whoever
   * joins again has not heard of the first time (a lost answer, a call that lost its media), and nobody would ever take
   * that participant out. Who prepares replaces only what was prepared: people join before that is ready, and either
   * request may overtake the other.
   */
  const replace = (roomId: string, participantId: string): string[] => {
    const isPrepared = prepared.has(participantId)
    const earlier = [...participants]
      .filter(([id, room]) => room === roomId && id !== participantId && (!isPrepared || prepared.has(id)))
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
    for (const id of earlier) {
      participants.delete(id)
      prepared.delete(id)
    }
    participants.set(participantId, roomId)
    return earlier
  }

  const leave = async (roomId: string, participantId: string): Promise<void> => {
    await session.leave(audience.participant(participantId))
    await calls.sfu.request('call:leave', { roomId, participantId })
  }

  /** What the call's door asks of who may be in the call at all. */
  const assertMayJoin = async (roomId: string): Promise<void> => {
    await Promise.all([
      moderation.atTheDoor(session, roomId),
      // Who may not write to the other does not ring either.
      rooms.get(roomId).then(room => assertMaySpeak(database, room, user.id)),
    ])
  }

  /**
   * What all three have in common: the socket hears what the participant is told before it asks the SFU, and is asked
   * after that whether it may, and as what, so that who loses a right finds it.
   * @param lost takes back what the SFU has done for a socket that is gone by now
   * @param isNew who comes anew leaves what it was in before; who comes back leaves it only once it is known to be who it
   *   says
   */
  const arrive = async <T extends { participantId: string }>(
    roomId: string,
    participantId: string,
    ask: () => Promise<T>,
    lost: () => Promise<unknown>,
    isNew = true,
  ) => {
    const wasOwn = participants.get(participantId) === roomId
    const earlier = replace(roomId, participantId)
    try {
      // Listening begins first: a notice may overtake the answer.
      await listen(session, audience.participant(participantId))
      const [ice] = await Promise.all([
        iceServers.mint(user.id),
        rooms.authorise(principal, roomId, 'call'),
        ...(isNew ? earlier : []).map(id => leave(roomId, id)),
      ])
      const answer = await ask()
      if (!isNew) await Promise.all(earlier.map(id => leave(roomId, id)))
      if (!participants.has(participantId)) {
        // The socket was lost, or came anew, while the SFU worked: what that sent may have come before this.
        await lost()
        throw notInCall()
      }
      return { ...answer, iceServers: ice.iceServers }
    } catch (error) {
      if (!wasOwn) {
        participants.delete(participantId)
        prepared.delete(participantId)
        await session.leave(audience.participant(participantId))
      }
      if (!isNew && session.connected) for (const id of earlier) participants.set(id, roomId)
      throw error
    }
  }

  return {
    'call:prepare': async ({ roomId, rtpCapabilities }: RequestData<'call:prepare'>) => {
      await assertMayJoin(roomId)
      const participantId = newId('par')
      for (const id of prepared) if (!participants.has(id)) prepared.delete(id)
      prepared.add(participantId)
      const request = {
        roomId,
        participantId,
        connectionId,
        userId: user.id,
        name: user.name,
        rtpCapabilities,
      }
      return arrive(
        roomId,
        participantId,
        async () =>
          calls.sfu.request('call:prepare', { ...request, ...(await moderation.atTheDoor(session, roomId)) }),
        () => calls.sfu.request('call:leave', { roomId, participantId }),
      )
    },

    'call:join': async (data: RequestData<'call:join'>) => {
      const { roomId, rtpCapabilities, consumerIds, lastN, encryption } = data
      await assertMayJoin(roomId)
      const isPrepared = data.participantId !== undefined && participants.get(data.participantId) === roomId
      const participantId = isPrepared ? (data.participantId as string) : newId('par')
      prepared.delete(participantId)
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
      return arrive(
        roomId,
        participantId,
        async () =>
          calls.sfu.request('call:join', { ...request, ...(await moderation.atTheDoor(session, roomId)) }),
        () => calls.sfu.request('call:leave', { roomId, participantId }),
      )
    },

    'call:resume': async (data: RequestData<'call:resume'>) => {
      const { roomId, participantId } = data
      await rooms.authorise(principal, roomId, 'call')
      // Before this socket hears what that participant is told; that it is its own, the key says to the SFU.
      const { call } = await calls.sfu.request('call:get', { roomId })
      if (!call?.participants.some(({ id, userId }) => id === participantId && userId === user.id))
        throw notInCall()
      const resumed = await arrive(
        roomId,
        participantId,
        () => calls.sfu.request('call:resume', { ...data, userId: user.id, connectionId }),
        () => calls.sfu.request('call:away', { roomId, participantId, connectionId }),
        false,
      )
      // It may be something else to the room by now than when it was here.
      await moderation.restate(session, roomId, participantId)
      return resumed
    },
  }
}

export const notInCall = () =>
  new TrunklineError('not_in_call', 'This participant is not yours or has left. Join the call first.')
