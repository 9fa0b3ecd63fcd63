import { setImmediate } from 'node:timers/promises'
import { LIMITS } from '@trunkline/protocol'
import type { Call } from './call.ts'
import type { Consumer } from './consumer.ts'
import type { Participant } from './participant.ts'
import type { Place } from './place.ts'
import type { Producer } from './producer.ts'
import type { Worker } from './worker.ts'

/*
 * What follows when something ends. Everything that ends a part of a call goes through here; each step is idempotent
 * and goes down, never up:
 *
 *   worker died          -> its places end; the pool replaces it
 *   place ends           -> those who prepared there and the participants there are told `call:lost`; the first are let
 *                           go, the others lose their media, are away, and resume at another place; what came from other
 *                           places ends there; when it was the last one, the call looks for another, and ends without
 *   call ends            -> those who prepared are told `call:lost`, its participants are let go without a word; what is
 *                           at its places closes; `call:ended`
 *   participant is away  -> `call:changed`; it leaves unless it resumes within `resumeMs`
 *   participant leaves   -> its two transports close; its producers close; its consumers are forgotten;
 *                           `call:changed`; when it was the last at a place, and the call has others, that closes; when it
 *                           was the last at all, the call ends after the grace period
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
 * The process of a worker is gone: those whose media it carried come back elsewhere.
 * @param reason told to them
 * @param stopping the whole process ends: there is nowhere to go, and the calls end
 */
export const loseWorker = (worker: Worker, reason: string, stopping: boolean): void => {
  for (const place of [...worker.places]) {
    if (!stopping) void losePlace(place, reason)
    else {
      tellLost(place.people, reason)
      endCall(place.call)
    }
  }
}

/**
 * Ends a place whose worker is gone, or is to go; those who were there come back at others. Resolves when the call has one, or
 * has ended.
 * @returns false when it ended for want of a worker
 */
export const losePlace = async (place: Place, reason: string): Promise<boolean> => {
  const { call } = place
  if (call.closed) return true
  const people = [...place.people]
  tellLost(people, reason)
  const ended = people.flatMap(participant => {
    if (participant.joined) return detach(participant)
    removeParticipant(participant)
    return []
  })
  // Others are to know that what they see stands still, before they hear that it ended.
  call.tellPending()
  call.leave(place)
  const settled = settle(call)
  await setImmediate()
  for (const producer of ended) closeProducer(producer)
  return settled
}

/** @returns false when the call ended for want of a worker */
const settle = async (call: Call): Promise<boolean> => {
  const { roomId, id: callId } = call
  // Nobody is in it to come back.
  if (call.places.size === 0 && call.participants.size === 0) {
    endCall(call)
    return true
  }
  try {
    await call.settle()
    return true
  } catch (error) {
    if (!call.closed) call.logger.error({ err: error, roomId, callId }, 'call could not be moved')
    endCall(call)
    return false
  }
}

const tellLost = (people: Iterable<Participant>, reason: string): void => {
  for (const { id: participantId, call } of people) {
    if (!call.participants.has(participantId) && !call.prepared.has(participantId)) continue
    call.notices.tell('call:lost', { roomId: call.roomId, participantId, reason })
  }
}

/**
 * Ends a call for everybody in it, or about to come in.
 * @param goesOn in another process: it ends here only, and its end is not told
 */
export const endCall = (call: Call, goesOn = false): void => {
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
  void call.recording?.end()
  void call.stream?.end()
  call.leaveAll()
  call.door.callEnded(call)
  call.onClosed(call)
  if (!call.started || goesOn) return
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
  for (const producer of detach(participant)) closeProducer(producer)
}

/**
 * Takes all media from a participant that is to come back with others.
 * @returns what it published, for others to be told of its end
 */
const detach = (participant: Participant): Producer[] => {
  const { call, transports } = participant
  const producers = [...participant.producers.values()]
  clearTimeout(participant.lostTracksTimer)
  participant.lostTracks = [...producers.map(producer => producer.track()), ...participant.lostTracks]
  participant.producers.clear()
  // Nobody is told of tracks that end: everybody's end here.
  participant.answered = false
  transports?.send.engine.close()
  transports?.receive.engine.close()
  dropMedia(participant)
  loseSight(participant, call.resumeMs)
  return producers
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
  producer.demand?.close()
  producer.quiet()
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
  consumer.producer.look()
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
