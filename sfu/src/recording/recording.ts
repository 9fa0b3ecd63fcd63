import { type CallRecording, LIMITS, type RecordingLayout } from '@trunkline/protocol'
import type { Call } from '../call.ts'
import type { Producer } from '../producer.ts'
import type { PutPart } from './part-writer.ts'
import { Taking } from './taking.ts'

const TOO_LONG = `A recording is at most ${LIMITS.recordingSeconds / 3_600} hours long.`

export type RecordingOptions = {
  id: string
  /** Who started it. */
  userId: string
  layout: RecordingLayout
  put: PutPart
  /** Told once, when all of it is put away. */
  onEnd: () => void
}

/** A call being recorded: everybody is told, then what comes is kept. */
export class Recording {
  readonly id: string
  readonly userId: string
  readonly layout: RecordingLayout
  /** Everybody is told first; then the first packet is kept. */
  readonly startedAt = new Date(Date.now() + LIMITS.recordingNoticeMs)
  readonly #call: Call
  readonly #taking: Taking
  #timer: NodeJS.Timeout
  #ended: Promise<void> | undefined
  #problem: string | undefined
  readonly #onEnd: () => void

  constructor(call: Call, options: RecordingOptions) {
    this.id = options.id
    this.userId = options.userId
    this.layout = options.layout
    this.#call = call
    this.#onEnd = options.onEnd
    this.#taking = new Taking(call, {
      put: options.put,
      keepsTime: false,
      onProblem: problem => {
        this.#problem ??= problem
        void this.end()
      },
    })
    this.#timer = setTimeout(() => this.#begin(), LIMITS.recordingNoticeMs)
  }

  get paused(): boolean {
    return this.#taking.paused
  }

  snapshot(): CallRecording {
    return { id: this.id, startedAt: this.startedAt.toISOString(), paused: this.paused }
  }

  take(producer: Producer): void {
    this.#taking.take(producer)
  }

  /** Who speaks from now on. */
  speaks(participantId: string | null): void {
    this.#taking.note({ what: 'speaker', participantId })
  }

  /** Keeps nothing for a while, or goes on. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused === this.paused || this.#ended) return
    const pausing = this.#taking.setPaused(paused)
    this.#call.changed()
    this.#call.tellPending()
    await pausing
  }

  /** Ends it, for whatever reason; resolves once all of it is put away, and everybody told. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#call.recording === this) this.#call.recording = undefined
    this.#call.changed()
    this.#call.tellPending()
    await this.#taking.end()
    const { roomId, id: callId } = this.#call
    this.#call.logger.info({ roomId, callId, recordingId: this.id }, 'recording ended')
    this.#call.notices.tell('recording:ended', {
      roomId,
      recordingId: this.id,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    })
    this.#onEnd()
  }

  #begin(): void {
    this.#taking.begin()
    this.#timer = setTimeout(() => {
      this.#problem = TOO_LONG
      void this.end()
    }, LIMITS.recordingSeconds * 1_000)
  }
}
