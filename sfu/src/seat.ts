import type { CallRole, CallStanding, Participant } from '@trunkline/protocol'

/** What a participant is in its call, beside what it sends and receives. */
export class Seat {
  /** By role and token, as signalling says; {@link Door.roleOf} says what became of it. */
  #standing: CallStanding = { role: 'listener', rank: 0 }
  #asOf = 0
  role: CallRole = 'listener'
  handRaisedAt: Date | undefined

  get standing(): CallStanding {
    return this.#standing
  }

  /** As of which event of the room its standing is. */
  get asOf(): number {
    return this.#asOf
  }

  /** What it is to the room: who came while that changed may say what it was before. */
  stand({ standing, asOf }: { standing: CallStanding; asOf: number }): void {
    if (asOf < this.#asOf) return
    this.#asOf = asOf
    this.#standing = standing
  }

  snapshot(): Pick<Participant, 'role' | 'handRaisedAt'> {
    const { role, handRaisedAt } = this
    return { role, ...(handRaisedAt && { handRaisedAt: handRaisedAt.toISOString() }) }
  }
}
