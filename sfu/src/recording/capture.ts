import type { Call } from '../call.ts'
import type { Producer } from '../producer.ts'
import type { PutPart } from './part-writer.ts'
import { Taking, type TakingOptions } from './taking.ts'

export type CaptureOptions = {
  id: string
  /** Who started it. */
  userId: string
  put: PutPart
  /** Told once, when all of it is put away. */
  onEnd: () => void
}

/** What is the same for all recordings, or for all streams. */
type CaptureKind = Pick<TakingOptions, 'partMs' | 'marksEnd' | 'keepsTime'> & {
  /** So long everybody has been told before the first packet is taken, milliseconds. */
  noticeMs: number
  /** How long one may be, seconds. */
  seconds: number
  /** A sentence for people, for one that would be longer. */
  tooLong: string
}

/** A call of which everything is taken, whether it is kept or shown: everybody is told first. */
export abstract class Capture {
  readonly id: string
  readonly userId: string
  /** From here on packets are taken. */
  readonly startedAt: Date
  protected readonly call: Call
  protected readonly taking: Taking
  readonly #kind: CaptureKind
  readonly #onEnd: () => void
  readonly #timers: NodeJS.Timeout[] = []
  #problem: string | undefined
  #ended: Promise<void> | undefined

  constructor(call: Call, kind: CaptureKind, { id, userId, put, onEnd }: CaptureOptions) {
    this.id = id
    this.userId = userId
    this.startedAt = new Date(Date.now() + kind.noticeMs)
    this.call = call
    this.#kind = kind
    this.#onEnd = onEnd
    this.taking = new Taking(call, { ...kind, put, onProblem: problem => this.#fail(problem) })
    this.#timers.push(setTimeout(() => this.#begin(), kind.noticeMs))
  }

  get paused(): boolean {
    return this.taking.paused
  }

  take(producer: Producer): void {
    this.taking.take(producer)
  }

  /** Who speaks from now on. */
  speaks(participantId: string | null): void {
    this.taking.note({ what: 'speaker', participantId })
  }

  /** Takes nothing for a while, or goes on. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused === this.paused || this.#ended) return
    const pausing = this.taking.setPaused(paused)
    this.call.changed()
    this.call.tellPending()
    await pausing
  }

  /** Ends it, for whatever reason; resolves once all of it is put away. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  /** Does something every so often until it ends, milliseconds. */
  protected every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms))
  }

  /** Packets are taken from now on. */
  protected began(): void {}

  /** It is over: its call has it no more. */
  protected abstract leaveCall(): void

  /**
   * All of it is put away.
   * @param problem why it ended by itself, as a sentence for people
   */
  protected abstract putAway(problem: string | undefined): void

  #begin(): void {
    this.taking.begin()
    const { seconds, tooLong } = this.#kind
    this.#timers.push(setTimeout(() => this.#fail(tooLong), seconds * 1_000))
    this.began()
  }

  #fail(problem: string): void {
    this.#problem ??= problem
    void this.end()
  }

  async #end(): Promise<void> {
    // Clears what repeats as well.
    for (const timer of this.#timers) clearTimeout(timer)
    this.leaveCall()
    this.call.changed()
    this.call.tellPending()
    await this.taking.end()
    this.putAway(this.#problem)
    this.#onEnd()
  }
}
