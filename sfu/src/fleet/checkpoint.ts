import type { CallCheckpoint } from '@trunkline/protocol'
import type { Call } from '../call.ts'
import { endLater, endWhenEmpty } from '../cascade.ts'
import { Participant } from '../participant.ts'

/** What another process needs to go on with a call; nothing for one that nobody came into. */
export const checkpointOf = (call: Call): CallCheckpoint | undefined => {
  if (call.closed || !call.started) return undefined
  const { id, roomId, startedAt } = call
  const { locked, lobby } = call.door
  const people = [...call.participants.values()].filter(({ unattended }) => !unattended)
  return {
    // Everybody, also those who are only counted for others. A recording is of the media that come here: it ends with them.
    call: {
      id,
      roomId,
      startedAt: startedAt.toISOString(),
      locked,
      lobby,
      participants: people.map(participant => participant.snapshot()),
    },
    people: people.map(({ id, keyHash, connectionId, seat, lastN }) => ({
      id,
      keyHash,
      connectionId,
      standing: seat.standing,
      asOf: seat.asOf,
      ...(lastN !== undefined && { lastN }),
    })),
    userIds: [...call.userIds],
    door: call.door.state(),
  }
}

/** Puts everybody into a call that another process had: away, and without media until they resume. */
export const restoreCall = (call: Call, checkpoint: CallCheckpoint): void => {
  const { locked, lobby, participants } = checkpoint.call
  const { door } = call
  call.started = true
  door.restore({ ...checkpoint.door, locked, lobby })
  for (const userId of checkpoint.userIds) call.userIds.add(userId)
  const known = new Map(checkpoint.people.map(person => [person.id, person]))
  for (const { id, userId, name, joinedAt, tracks, handRaisedAt, encryption } of participants) {
    const person = known.get(id)
    if (!person) continue
    const { connectionId, keyHash, standing, asOf, lastN } = person
    const participant = new Participant(
      { id, userId, name, connectionId, keyHash, rtpCapabilities: {} },
      call,
      undefined,
    )
    participant.joinedAt = new Date(joinedAt)
    participant.awaySince = new Date()
    participant.lostTracks = tracks
    participant.lastN = lastN
    participant.encryption = encryption
    participant.seat.stand({ standing, asOf })
    participant.seat.role = door.roleOf(userId, standing)
    participant.seat.handRaisedAt = handRaisedAt === undefined ? undefined : new Date(handRaisedAt)
    call.participants.set(id, participant)
    endLater(participant, call.resumeMs)
  }
  endWhenEmpty(call)
  call.changed()
}
