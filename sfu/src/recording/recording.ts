import { type CallRecording, LIMITS, type RecordingLayout } from '@trunkline/protocol'
import type { Call } from '../call.ts'
import { Capture, type CaptureOptions } from './capture.ts'

const KIND = {
  keepsTime: false,
  noticeMs: LIMITS.recordingNoticeMs,
  seconds: LIMITS.recordingSeconds,
  tooLong: `A recording is at most ${LIMITS.recordingSeconds / 3_600} hours long.`,
}

/** A call being recorded: everybody is told, then what comes is kept. */
export class Recording extends Capture {
  readonly layout: RecordingLayout

  constructor(call: Call, options: CaptureOptions & { layout: RecordingLayout }) {
    super(call, KIND, options)
    this.layout = options.layout
  }

  snapshot(): CallRecording {
    return { id: this.id, startedAt: this.startedAt.toISOString(), paused: this.paused }
  }

  protected leaveCall(): void {
    if (this.call.recording === this) this.call.recording = undefined
  }

  protected putAway(problem: string | undefined): void {
    const { roomId, id: callId, logger, notices } = this.call
    logger.info({ roomId, callId, recordingId: this.id }, 'recording ended')
    notices.tell('recording:ended', {
      roomId,
      recordingId: this.id,
      ...(problem !== undefined && { problem }),
    })
  }
}
