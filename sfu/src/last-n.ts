import type { Call } from './call.ts'
import type { Consumer } from './consumer.ts'
import type { Participant } from './participant.ts'

/**
 * Which cameras flow to whom in a large room: to a viewer that asked for the last N, those of the N who spoke last, and
 * the ones it pinned. Of those who never spoke the first to come count as the latest. Cameras that are off take no
 * place; screens and sound are none of it.
 */
export class LastN {
  readonly #call: Call
  /** Participants who spoke, the latest last: a Set keeps the order in which members were added. */
  readonly #spoke = new Set<string>()
  #speaking: string | undefined

  constructor(call: Call) {
    this.#call = call
  }

  /** Somebody speaks now; undefined: nobody does. */
  speaks(participant: Participant | undefined): void {
    if (participant?.id === this.#speaking) return
    this.#prioritise(this.#speaking, false)
    this.#speaking = participant?.id
    this.#prioritise(this.#speaking, true)
    if (!participant) return
    this.#spoke.delete(participant.id)
    this.#spoke.add(participant.id)
    this.look()
  }

  /** To be called whenever cameras or people come or go. */
  look(): void {
    for (const id of this.#spoke) if (!this.#call.participants.has(id)) this.#spoke.delete(id)
    for (const viewer of this.#call.participants.values()) this.lookFor(viewer)
  }

  /** To be called for a viewer that has just come, or has pinned somebody. */
  lookFor(viewer: Participant): void {
    const { lastN } = viewer
    if (lastN === undefined) return
    const cameras = new Map<string, Consumer>()
    for (const consumer of viewer.consumers.values()) {
      const { source, participant, engine } = consumer.producer
      if (source === 'camera' && !engine.paused) cameras.set(participant.id, consumer)
    }
    let left = lastN
    for (const id of this.#order()) {
      const consumer = cameras.get(id)
      if (!consumer) continue
      const held = !consumer.pinned && left <= 0
      if (!held && !consumer.pinned) left -= 1
      if (consumer.setHeld(held) && viewer.answered) {
        const { roomId } = this.#call
        const about = { roomId, participantId: viewer.id, consumerId: consumer.id, held }
        this.#call.notices.tell('consumer:held', about)
      }
    }
  }

  /** Everybody, whoever spoke last first, then by coming. */
  #order(): string[] {
    const silent = Array.from(this.#call.participants.keys()).filter(id => !this.#spoke.has(id))
    return [...[...this.#spoke].reverse(), ...silent]
  }

  #prioritise(participantId: string | undefined, speaking: boolean): void {
    const participant = participantId === undefined ? undefined : this.#call.participants.get(participantId)
    for (const producer of participant?.producers.values() ?? []) {
      if (producer.source !== 'camera') continue
      for (const consumer of producer.consumers) consumer.setSpeaking(speaking)
    }
  }
}
