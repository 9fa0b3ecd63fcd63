import { LIMITS } from '@trunkline/protocol'
import type { Call } from './call.ts'
import type { Consumer } from './consumer.ts'
import type { Participant } from './participant.ts'
import type { Producer } from './producer.ts'
import type { Worker } from './worker.ts'

/*
 * What follows when something ends. Everything that ends a part of a call goes through here; each step is idempotent
 * and goes down, never up:
 *
 *   worker died          -> its calls move to another; the pool replaces it
 *   call moves           -> those who prepared and the participants are told `call:lost`; the first are let go, the
 *                           others lose their media, are away, and resume at the new place; without one the call ends
 *   call ends            -> those who prepared are told `call:lost`, its participants are let go without a word; what is
 *                           at its place closes; `call:ended`
 *   participant is away  -> `call:changed`; it leaves unless it resumes within `resumeMs`
 *   participant leaves   -> its two transports close; its producers close; its consumers are forgotten;
 *                           `call:changed`; when it was the last, the call ends after the grace period
 *   producer closes      -> the consumers of it close, each participant is told `consumer:closed`; it no longer speaks;
 *                           `call:changed`
 *   consumer closes      -> it is forgotten on both sides
 *
 * Data streams are apart: they end with the transport they run over, or with the right to publish (data.ts).
 *
 * From outside: a participant leaves by `call:leave`, and is away by `call:away`; when the signalling process that
 * speaks for it is out of reach, `serveSfu` sends that `call:away` in its stead. The engine mirrors this:
 * closing a transport closes its producers and consumers in the worker, closing a producer the consumers of it,
 * closing a router everything on it. So each step here closes the topmost engine object and tidies our own maps.
 */

/**
 * The process of a worker is gone: its calls move to others.
 * @param reason told to everybody in them
 * @param stopping the whole process ends: there is nowhere to go, and the calls end
 */
export const loseWorker = (worker: Worker, reason: string, stopping: boolean): void => {
  for (const call of [...worker.calls]) {
    if (stopping) {
      tellLost(call, reason)
      endCall(call)
    } else {
      void moveCall(call, reason)
    }
  }
}

/**
 * Moves a call to another worker, with everybody in it. Resolves when it is there, or has ended.
 * @returns false when it ended for want of a worker
 */
export const moveCall = async (call: Call, reason: string): Promise<boolean> => {
  if (call.closed) return true
  tellLost(call, reason)
  call.tellSpeaker(null)
  // Nobody is told of tracks that end: everybody's end here.
  for (const participant of call.participants.values()) participant.answered = false
  for (const participant of [...call.prepared.values()]) removeParticipant(participant)
  for (const participant of call.participants.values()) loseMedia(participant)
  const { roomId, id: callId } = call
  // Nobody is in it to come along.
  if (call.participants.size === 0) {
    endCall(call)
    return true
  }
  try {
    await call.move()
    call.logger.info({ roomId, callId, workerPid: call.worker.pid }, 'call moved')
    return true
  } catch (error) {
    if (!call.closed) call.logger.error({ err: error, roomId, callId }, 'call could not be moved')
    endCall(call)
    return false
  }
}

const tellLost = (call: Call, reason: string): void => {
  for (const { id: participantId } of [...call.participants.values(), ...call.prepared.values()]) {
    call.notices.tell('call:lost', { roomId: call.roomId, participantId, reason })
  }
}

/** Ends a call for everybody in it, or about to come in. */
export const endCall = (call: Call): void => {
  if (call.closed) return
  call.closed = true
  clearTimeout(call.endTimer)
  for (const participant of call.prepared.values()) {
    call.notices.tell('call:lost', {
      roomId: call.roomId,
      participantId: participant.id,
      reason: 'The call ended before it was joined.',
    })
    forget(participant)
  }
  call.prepared.clear()
  for (const participant of call.participants.values()) forget(participant)
  call.participants.clear()
  call.leavePlace()
  call.door.callEnded(call)
  call.onClosed(call)
  if (!call.started) return
  call.logger.info({ roomId: call.roomId, callId: call.id }, 'call ended')
  call.notices.tell('call:ended', {
    roomId: call.roomId,
    callId: call.id,
    startedAt: call.startedAt.toISOString(),
    // When the last one left, not when we stopped waiting for somebody to come back.
    endedAt: (call.emptySince ?? new Date()).toISOString(),
    userIds: [...call.userIds].slice(0, LIMITS.usersPerRequest),
  })
}

/** Starts the grace period of a call nobody is in, or on the way into. Who is about to come in keeps one that is to begin. */
export const endWhenEmpty = (call: Call): void => {
  if (call.closed || call.held || call.participants.size > 0) return
  if (!call.started && call.prepared.size > 0) return
  call.emptySince ??= new Date()
  clearTimeout(call.endTimer)
  call.endTimer = setTimeout(() => endCall(call), call.emptyCallGraceMs)
}

/** Nobody speaks for it any more, or its media are lost: it stays for a while, for it to come back. */
export const loseSight = (participant: Participant, resumeMs: number): void => {
  if (participant.closed || participant.awaySince) return
  // Who never came in has nothing to come back to.
  if (!participant.joined) {
    removeParticipant(participant)
    return
  }
  participant.awaySince = new Date()
  endLater(participant, resumeMs)
  const { call } = participant
  call.logger.info({ roomId: call.roomId, participantId: participant.id }, 'participant is away')
  call.changed()
}

/** Ends one that is away, unless it comes back before. */
export const endLater = (participant: Participant, resumeMs: number): void => {
  if (participant.closed || !participant.awaySince) return
  clearTimeout(participant.endTimer)
  participant.endTimer = setTimeout(() => removeParticipant(participant), resumeMs)
}

/** Somebody speaks for it again, and its media are there. */
export const comeBack = (participant: Participant): void => {
  if (participant.closed || !participant.awaySince) return
  clearTimeout(participant.endTimer)
  participant.awaySince = undefined
  const { call } = participant
  call.logger.info({ roomId: call.roomId, participantId: participant.id }, 'participant is back')
  call.changed()
}

/** Lets go of all media of a participant that is to come back with others; what it published is remembered until then. */
export const loseMedia = (participant: Participant): void => {
  const tracks = Array.from(participant.producers.values(), producer => producer.track())
  clearTimeout(participant.lostTracksTimer)
  participant.lostTracks = [...tracks, ...participant.lostTracks]
  closeMedia(participant)
  loseSight(participant, participant.call.resumeMs)
}

/** Closes the transports of a participant, and everything on them. */
export const closeMedia = (participant: Participant): void => {
  const { transports } = participant
  transports?.send.engine.close()
  transports?.receive.engine.close()
  for (const producer of [...participant.producers.values()]) closeProducer(producer)
  dropMedia(participant)
}

/** Takes a participant out of its call, or what it had prepared. */
export const removeParticipant = (participant: Participant): void => {
  if (participant.closed) return
  const { call } = participant
  call.participants.delete(participant.id)
  call.prepared.delete(participant.id)
  closeMedia(participant)
  forget(participant)
  if (participant.joined) {
    // It left when it was last seen, not when we stopped waiting for it.
    call.sawLeave(participant.awaySince ?? new Date())
    call.logger.info({ roomId: call.roomId, participantId: participant.id }, 'participant left')
    call.changed()
  }
  endWhenEmpty(call)
}

/** Ends a track, for everybody who receives it. */
export const closeProducer = (producer: Producer): void => {
  if (producer.closed) return
  producer.closed = true
  const { participant } = producer
  const { call } = participant
  participant.producers.delete(producer.id)
  producer.engine.close()
  call.speaker.quiet(producer.id)
  for (const consumer of [...producer.consumers]) {
    forgetConsumer(consumer)
    const { id: participantId } = consumer.participant
    if (!consumer.participant.answered) continue
    call.notices.tell('consumer:closed', { roomId: call.roomId, participantId, consumerId: consumer.id })
  }
  call.changed()
}

const forgetConsumer = (consumer: Consumer): void => {
  consumer.participant.consumers.delete(consumer.id)
  consumer.producer.consumers.delete(consumer)
  consumer.producer.demand?.look()
}

/** Drops what is left of a participant whose transports are closed, or whose router is. */
const dropMedia = (participant: Participant): void => {
  participant.transports = undefined
  for (const producer of participant.producers.values()) {
    producer.closed = true
    producer.demand?.close()
  }
  participant.producers.clear()
  for (const consumer of [...participant.consumers.values()]) forgetConsumer(consumer)
}

const forget = (participant: Participant): void => {
  participant.closed = true
  clearTimeout(participant.endTimer)
  clearTimeout(participant.lostTracksTimer)
  dropMedia(participant)
}
