import {
  CALL_RIGHTS,
  type CallActor,
  type MODERATION_REQUESTS,
  type SfuRequestData,
  type SfuResponseData,
  type TrackSource,
  TrunklineError,
} from '@trunkline/protocol'
import type { Call } from './call.ts'
import { closeProducer, endCall, removeParticipant } from './cascade.ts'
import { assertAndGetCall, assertHost, type Door } from './door.ts'
import type { Doors } from './doors.ts'
import type { Participant } from './participant.ts'

type Name = keyof typeof MODERATION_REQUESTS
type Handlers = { [N in Name]: (data: SfuRequestData<N>) => Promise<SfuResponseData<N>> }
type Data<N extends Name> = SfuRequestData<N>

/**
 * What hosts do, and who waits: done where the call is, so that any number of signalling processes agree.
 * @param doors is asked when something is: they may come to be after this is called
 */
export const moderationHandlers = (doors: () => Doors): Handlers => {
  /** The room's door, to a host. */
  const opened = ({ roomId, by }: { roomId: string; by: CallActor }): Door => {
    const door = doors().at(roomId)
    assertHost(door, by)
    return door
  }
  const inCall = (data: { roomId: string; by: CallActor }): Call => assertAndGetCall(opened(data).call)

  return {
    'call:knock': async data => ({ knockId: doors().at(data.roomId).knock(data) }),
    'call:unknock': async ({ roomId, userId, holder, atOnce }) => {
      doors().find(roomId)?.unknock(userId, holder, atOnce)
      return {}
    },
    'call:waiting': async data => ({ data: opened(data).waiting() }),
    'call:admit': async data => {
      opened(data).admit(data.knockIds)
      return {}
    },
    'call:deny': async data => {
      opened(data).deny(data.knockId, data.reason)
      return {}
    },
    'call:mute': async data => {
      await mute(inCall(data), data)
      return {}
    },
    'call:remove': async data => {
      const door = opened(data)
      const call = assertAndGetCall(door.call)
      const { userId, seat } = assertAndGetTarget(call, data.targetId)
      assertOutranks(data.by, seat.standing.rank)
      door.shutOut(userId)
      for (const participant of [...call.participants.values(), ...call.prepared.values()]) {
        if (participant.userId === userId) letGo(participant, 'removed', data.reason)
      }
      door.tellWaiting()
      return {}
    },
    'call:lock': async data => {
      inCall(data).door.setLocked(data.locked)
      return {}
    },
    'call:end': async data => {
      const call = inCall(data)
      for (const participant of call.participants.values()) tellClosed(participant, 'ended')
      endCall(call)
      return {}
    },
    'call:role': async data => {
      const call = inCall(data)
      const { userId, seat } = assertAndGetTarget(call, data.targetId)
      assertOutranks(data.by, seat.standing.rank)
      call.door.setRole(userId, data.role, data.by.rank)
      settleSeats(call)
      return {}
    },
    'call:hand': async ({ roomId, by, targetId, raised }) => {
      const door = doors().at(roomId)
      const call = assertAndGetCall(door.call)
      const { userId, seat } = assertAndGetTarget(call, targetId)
      if (userId !== by.userId) {
        assertHost(door, by)
        if (raised) throw new TrunklineError('forbidden', 'Everybody raises their own hand.')
      }
      seat.handRaisedAt = raised ? (seat.handRaisedAt ?? new Date()) : undefined
      call.changed()
      return {}
    },
    'call:host': async data => {
      opened(data)
      return {}
    },
    'call:keep': async ({ roomId, forMs }) => {
      doors().find(roomId)?.keepCall(forMs)
      return {}
    },
    'call:standing': async ({ roomId, targetId, ...said }) => {
      const call = doors().find(roomId)?.call
      const participant = call?.participants.get(targetId) ?? call?.prepared.get(targetId)
      // On the way in: whoever says so says it again.
      if (!call || !participant) throw noSuchParticipant(targetId)
      participant.seat.stand(said)
      settleSeats(call)
      return {}
    },
    'call:lobby': async ({ roomId, lobby, asOf }) => {
      doors().find(roomId)?.setLobby(lobby, asOf)
      return {}
    },
  }
}

/** @throws TrunklineError `not_found` */
const assertAndGetTarget = (call: Call, id: string): Participant => {
  const participant = call.participants.get(id)
  if (participant) return participant
  throw noSuchParticipant(id)
}

const noSuchParticipant = (id: string) =>
  new TrunklineError('not_found', `There is no participant "${id}" in this call.`)

/** @throws TrunklineError `forbidden` for what is done to who moderates the room, by who does not stand above */
const assertOutranks = (by: CallActor, rank: number): void => {
  if (rank === 0 || by.rank > rank) return
  throw new TrunklineError(
    'forbidden',
    'They moderate this room: only who stands above them there may do this to them.',
  )
}

const mute = async (call: Call, { by, targetId, sources = ['mic'] }: Data<'call:mute'>): Promise<void> => {
  const targets =
    targetId === undefined
      ? [...call.participants.values()].filter(({ seat }) => seat.role !== 'host')
      : [assertAndGetTarget(call, targetId)]
  await Promise.all(targets.map(target => muteOne(target, sources, by.userId)))
  call.changed()
}

const muteOne = async (target: Participant, sources: readonly TrackSource[], by?: string): Promise<void> => {
  const { call, producers } = target
  const on = [...producers.values()].filter(
    ({ source, engine }) => sources.includes(source) && !engine.paused,
  )
  if (on.length === 0) return
  for (const producer of on) {
    await producer.engine.pause()
    producer.quiet()
  }
  call.notices.tell('call:muted', {
    roomId: call.roomId,
    participantId: target.id,
    sources: [...new Set(on.map(({ source }) => source))],
    ...(by !== undefined && { by }),
  })
}

const tellClosed = (participant: Participant, reason: 'removed' | 'ended', text?: string): void => {
  const { call, id: participantId } = participant
  call.notices.tell('call:closed', { roomId: call.roomId, participantId, reason, ...(text && { text }) })
}

const letGo = (participant: Participant, reason: 'removed' | 'ended', text?: string): void => {
  tellClosed(participant, reason, text)
  removeParticipant(participant)
}

/** Brings everybody's role in line with what is known of them now; who may not publish any more publishes no more. */
const settleSeats = (call: Call): void => {
  for (const participant of [...call.participants.values(), ...call.prepared.values()])
    settleSeat(participant)
  call.door.tellWaiting()
  call.changed()
}

/** Gives a participant the role that is due to it; what a listener publishes is closed. */
export const settleSeat = (participant: Participant): void => {
  const { call, userId } = participant
  participant.seat.role = call.door.roleOf(userId, participant.seat.standing)
  if (mayPublish(participant)) return
  participant.lostTracks = []
  for (const producer of [...participant.producers.values()]) closeProducer(producer)
  participant.data.silence()
}

const mayPublish = ({ seat: { role } }: Participant): boolean => CALL_RIGHTS[role].publish

/**
 * @param made what it has published, which is closed again when it became a listener meanwhile
 * @throws TrunklineError `forbidden` for listeners
 */
export const assertMayPublish = (participant: Participant, made?: { engine: { close(): void } }): void => {
  if (mayPublish(participant)) return
  made?.engine.close()
  throw new TrunklineError('forbidden', 'You listen in this call: a host may make you a speaker.')
}
