import type { Message, RoomEvent } from '@trunkline/protocol'
import type { Draft, PendingMessage } from './outbox.ts'
import type { RoomMessage } from './room-messages.ts'

export type ThreadPort = {
  /** The message the thread hangs on, once known. */
  root: () => RoomMessage | undefined
  /** Its answers that are known, ascending. */
  answers: () => RoomMessage[]
  pending: () => PendingMessage[]
  /** Whether the whole thread lies in what is loaded of the log. */
  isWhole: () => boolean
  loadPage: (cursor: string | undefined) => Promise<{ data: Message[]; nextCursor?: string | undefined }>
  send: (draft: Draft) => Promise<RoomEvent>
}

export type ThreadsPort = {
  message: (seq: number) => RoomMessage | undefined
  answers: (seq: number) => RoomMessage[]
  pending: () => PendingMessage[]
  /** Number of the first event that is loaded of the log. */
  first: () => number | undefined
  /** Loads a page of answers, and the message they answer. */
  loadPage: (seq: number, cursor: string | undefined) => ReturnType<ThreadPort['loadPage']>
  send: (draft: Draft) => Promise<RoomEvent>
}

/** The threads of a room that were asked for, each the same object every time. */
export class Threads {
  readonly #port: ThreadsPort
  readonly #threads = new Map<number, Thread>()

  constructor(port: ThreadsPort) {
    this.#port = port
  }

  get(seq: number): Thread {
    const known = this.#threads.get(seq)
    if (known) return known
    const { message, answers, pending, first, loadPage, send } = this.#port
    const thread = new Thread(seq, {
      root: () => message(seq),
      answers: () => answers(seq),
      pending: () => pending().filter(({ threadOf }) => threadOf === seq),
      isWhole: () => (first() ?? Number.POSITIVE_INFINITY) <= seq,
      loadPage: cursor => loadPage(seq, cursor),
      send,
    })
    this.#threads.set(seq, thread)
    return thread
  }

  /** What was loaded was forgotten. */
  reset(): void {
    for (const thread of this.#threads.values()) thread.reset()
  }
}

/** The answers in the thread of a message; its room's `changed` says when they change. Made by `room.thread(seq)`. */
export class Thread {
  /** Number of the message the thread hangs on. */
  readonly seq: number
  readonly #port: ThreadPort
  #cursor: string | undefined
  #isExhausted = false

  constructor(seq: number, port: ThreadPort) {
    this.seq = seq
    this.#port = port
  }

  /** The message it hangs on; undefined until it is known: `room.loadMessage(seq)` asks for it. */
  get root(): RoomMessage | undefined {
    return this.#port.root()
  }

  /** The answers known so far, ascending. */
  get messages(): RoomMessage[] {
    return this.#port.answers()
  }

  /** Own answers that are not acknowledged yet. */
  get pending(): PendingMessage[] {
    return this.#port.pending()
  }

  /** Whether `loadEarlier()` has more to give. */
  get hasEarlier(): boolean {
    return !this.#isExhausted && !this.#port.isWhole()
  }

  /** Loads the page before the first known answer, and the message the thread hangs on when it is not known. */
  async loadEarlier(): Promise<void> {
    if (!this.hasEarlier) return
    const { nextCursor } = await this.#port.loadPage(this.#cursor)
    this.#cursor = nextCursor
    this.#isExhausted = nextCursor === undefined
  }

  /** Answers in the thread: like `room.send`. */
  send(draft: Draft): Promise<RoomEvent> {
    return this.#port.send({ ...draft, threadOf: this.seq })
  }

  /** What was loaded was forgotten: begins anew. */
  reset(): void {
    this.#cursor = undefined
    this.#isExhausted = false
  }
}
