import type { CallRole, CallStanding, Participant } from '@trunkline/protocol'

/** What a participant is in its call, beside what it sends and receives. */
export class Seat {
  /** By role and token, as signalling says; {@link Door.roleOf} says what became of it. */
  standing: CallStanding = { role: 'listener', rank: 0 }
  role: CallRole = 'listener'
  handRaisedAt: Date | undefined

  snapshot(): Pick<Participant, 'role' | 'handRaisedAt'> {
    const { role, handRaisedAt } = this
    return { role, ...(handRaisedAt && { handRaisedAt: handRaisedAt.toISOString() }) }
  }
}
