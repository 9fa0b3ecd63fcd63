import type { Message, RoomEvent } from '@trunkline/protocol'
import { MessageFold } from './message-fold.ts'

/** A message as it is now. `blocked`: of somebody one has blocked, and not to be shown. */
export type RoomMessage = Message & { blocked?: true }

/** Lists of messages for drawing: the same array until something changed. */
export class RoomMessages {
  readonly #fold = new MessageFold()
  readonly #blocks: { version: number; has: (userId: string) => boolean }
  readonly #flagged = new WeakMap<Message, RoomMessage>()
  #timeline: { version: string; messages: readonly RoomMessage[] } | undefined

  constructor(blocks: { version: number; has: (userId: string) => boolean }) {
    this.#blocks = blocks
  }

  /** What was said in the room itself, ascending; answers in threads are theirs. */
  get timeline(): readonly RoomMessage[] {
    const version = `${this.#fold.version} ${this.#blocks.version}`
    if (this.#timeline?.version !== version) {
      const messages = this.#fold.messages.filter(({ threadOf }) => threadOf === undefined)
      this.#timeline = { version, messages: messages.map(message => this.#shown(message)) }
    }
    return this.#timeline.messages
  }

  get(seq: number): RoomMessage | undefined {
    const message = this.#fold.get(seq)
    return message && this.#shown(message)
  }

  /** Answers to a message that are known, ascending. */
  thread(seq: number): RoomMessage[] {
    return this.#fold.thread(seq).map(message => this.#shown(message))
  }

  start(events: readonly RoomEvent[]): void {
    this.#fold.start(events)
  }

  append(events: readonly RoomEvent[]): void {
    this.#fold.append(events)
  }

  prepend(events: readonly RoomEvent[]): void {
    this.#fold.prepend(events)
  }

  adopt(messages: readonly Message[]): void {
    this.#fold.adopt(messages)
  }

  #shown(message: Message): RoomMessage {
    if (!this.#blocks.has(message.sender)) return message
    const known = this.#flagged.get(message)
    if (known) return known
    const flagged: RoomMessage = { ...message, blocked: true }
    this.#flagged.set(message, flagged)
    return flagged
  }
}
