import { type CallStream, LIMITS, type StreamAnswer } from '@trunkline/protocol'
import type { Call } from '../call.ts'
import type { Producer } from '../producer.ts'
import type { PutPart } from '../recording/part-writer.ts'
import { Taking } from '../recording/taking.ts'

/** How much is put away at a time: media shows what it has. Milliseconds. */
const PART_MS = 500
/** How often pictures begin anew: so long one is missing after whoever decodes it had to begin anew. Milliseconds. */
const PICTURE_MS = 5_000

export type StreamOptions = {
  id: string
  /** Who started it. */
  userId: string
  hls: boolean
  rtmp: boolean
  /** From here on it is shown. */
  startedAt: Date
  /** Where it can be watched. */
  playlist: string | undefined
  put: PutPart
  /** Told once, when all of it is put away. */
  onEnd: () => void
}

/** A call being shown to others: everybody is told, then what comes goes to media, which shows it. */
export class Stream {
  readonly id: string
  readonly userId: string
  readonly #options: StreamOptions
  readonly #call: Call
  readonly #taking: Taking
  readonly #timers: NodeJS.Timeout[] = []
  #ended: Promise<void> | undefined

  constructor(call: Call, options: StreamOptions) {
    this.id = options.id
    this.userId = options.userId
    this.#options = options
    this.#call = call
    this.#taking = new Taking(call, {
      put: options.put,
      partMs: PART_MS,
      marksEnd: true,
      keepsTime: true,
      onProblem: problem => {
        call.logger.warn({ streamId: this.id, problem }, 'a stream cannot be put away any more')
        void this.end()
      },
    })
    this.#timers.push(
      setTimeout(() => this.#begin(), LIMITS.streamNoticeMs),
      setTimeout(() => void this.end(), LIMITS.streamSeconds * 1_000),
    )
  }

  get paused(): boolean {
    return this.#taking.paused
  }

  /** As everybody in the call sees it. */
  snapshot(): CallStream {
    const { startedAt, hls, rtmp } = this.#options
    return { id: this.id, startedAt: startedAt.toISOString(), paused: this.paused, hls, rtmp }
  }

  /** As hosts see it. */
  answer(): StreamAnswer {
    const { playlist } = this.#options
    return { stream: this.snapshot(), ...(playlist !== undefined && { playlist }) }
  }

  take(producer: Producer): void {
    this.#taking.take(producer)
  }

  /** Who speaks from now on. */
  speaks(participantId: string | null): void {
    this.#taking.note({ what: 'speaker', participantId })
  }

  /** Shows nothing for a while, or goes on. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused === this.paused || this.#ended) return
    const pausing = this.#taking.setPaused(paused)
    this.#call.changed()
    this.#call.tellPending()
    await pausing
  }

  /** Ends it, for whatever reason; resolves once all of it is put away. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    if (this.#call.stream === this) this.#call.stream = undefined
    this.#call.changed()
    this.#call.tellPending()
    await this.#taking.end()
    const { roomId, id: callId } = this.#call
    this.#call.logger.info({ roomId, callId, streamId: this.id }, 'stream ended')
    this.#options.onEnd()
  }

  #begin(): void {
    this.#taking.begin()
    this.#timers.push(
      setInterval(() => this.#taking.note({ what: 'time' }), PART_MS),
      setInterval(() => void this.#taking.askForPictures(), PICTURE_MS),
    )
  }
}
