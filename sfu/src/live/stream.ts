import { type CallStream, LIMITS, type StreamAnswer } from '@trunkline/protocol'
import type { Call } from '../call.ts'
import { Capture, type CaptureOptions } from '../recording/capture.ts'

/** How much is put away at a time: media shows what it has. Milliseconds. */
const PART_MS = 500
/** How often pictures begin anew: so long one is missing after whoever decodes it had to begin anew. Milliseconds. */
const PICTURE_MS = 5_000

const KIND = {
  partMs: PART_MS,
  marksEnd: true,
  keepsTime: true,
  noticeMs: LIMITS.streamNoticeMs,
  seconds: LIMITS.streamSeconds,
  tooLong: `A stream is at most ${LIMITS.streamSeconds / 3_600} hours long.`,
}

export type StreamOptions = CaptureOptions & {
  hls: boolean
  rtmp: boolean
  /** Where it can be watched. */
  playlist: string | undefined
}

/** A call being shown to others: everybody is told, then what comes goes to media, which shows it. */
export class Stream extends Capture {
  readonly #options: StreamOptions

  constructor(call: Call, options: StreamOptions) {
    super(call, KIND, options)
    this.#options = options
  }

  /** As everybody in the call sees it. */
  snapshot(): CallStream {
    const { hls, rtmp } = this.#options
    return { id: this.id, startedAt: this.startedAt.toISOString(), paused: this.paused, hls, rtmp }
  }

  /** As hosts see it. */
  answer(): StreamAnswer {
    const { playlist } = this.#options
    return { stream: this.snapshot(), ...(playlist !== undefined && { playlist }) }
  }

  protected override began(): void {
    this.every(PART_MS, () => this.taking.note({ what: 'time' }))
    this.every(PICTURE_MS, () => void this.taking.askForPictures())
  }

  protected leaveCall(): void {
    if (this.call.stream === this) this.call.stream = undefined
  }

  protected putAway(problem: string | undefined): void {
    const { roomId, id: callId, logger } = this.call
    const about = { roomId, callId, streamId: this.id }
    if (problem === undefined) logger.info(about, 'stream ended')
    else logger.warn({ ...about, problem }, 'stream ended by itself')
  }
}
