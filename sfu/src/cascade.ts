import { LIMITS } from '@trunkline/protocol'
import type { Call } from './call.ts'
import type { Consumer } from './consumer.ts'
import type { Participant } from './participant.ts'
import type { Producer } from './producer.ts'
import type { Worker } from './worker.ts'

/**
 * What follows when something ends. Everything that ends a part of a call goes through here; each step is idempotent
 * and goes down, never up:
 *
 *   worker died          -> each participant of its calls is told `call:lost`; its calls end; the pool replaces it
 *   call ends            -> its participants are let go without further notices; its router closes;
 *                           `call:ended`
 *   participant leaves   -> its two transports close; its producers close; its consumers are forgotten;
 *                           `call:changed`; when it was the last, the call ends after the grace period
 *   producer closes      -> the consumers of it close, each participant is told `consumer:closed`; it no longer speaks;
 *                           `call:changed`
 *   consumer closes      -> it is forgotten on both sides
 *
 * From outside: a participant leaves by `call:leave`; and when the signalling process that last spoke for it stays
 * away for the grace period of its link, `serveSfu` sends that `call:leave` in its stead. The engine mirrors this:
 * closing a transport closes its producers and consumers in the worker, closing a producer the consumers of it,
 * closing a router everything on it. So each step here closes the topmost engine object and tidies our own maps.
 */
export const loseWorker = (worker: Worker, reason: string): void => {
  for (const call of [...worker.calls]) {
    for (const { id: participantId } of call.participants.values()) {
      call.notices.tell('call:lost', { roomId: call.roomId, participantId, reason })
    }
    endCall(call)
  }
}

export const endCall = (call: Call): void => {
  if (call.closed) return
  call.closed = true
  clearTimeout(call.endTimer)
  for (const participant of call.participants.values()) forget(participant)
  call.participants.clear()
  call.router.close()
  call.worker.calls.delete(call)
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

/** Starts the grace period of a call nobody is in, or on the way into. */
export const endWhenEmpty = (call: Call): void => {
  if (call.closed || call.held || call.participants.size > 0) return
  call.emptySince ??= new Date()
  clearTimeout(call.endTimer)
  call.endTimer = setTimeout(() => endCall(call), call.emptyCallGraceMs)
}

export const removeParticipant = (participant: Participant): void => {
  if (participant.closed) return
  const { call } = participant
  call.participants.delete(participant.id)
  participant.sendTransport.engine.close()
  participant.receiveTransport.engine.close()
  for (const producer of [...participant.producers.values()]) closeProducer(producer)
  forget(participant)
  call.logger.info({ roomId: call.roomId, participantId: participant.id }, 'participant left')
  call.changed()
  endWhenEmpty(call)
}

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
const forget = (participant: Participant): void => {
  participant.closed = true
  for (const producer of participant.producers.values()) producer.closed = true
  participant.producers.clear()
  for (const consumer of [...participant.consumers.values()]) forgetConsumer(consumer)
}
