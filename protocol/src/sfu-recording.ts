import { z } from 'zod'
import { CallId, RecordingId, RoomId, Time, UserId } from './ids.ts'
import { Nothing } from './nothing.ts'
import { RECORDING_OPERATIONS, RecordingLayout } from './recording.ts'
import { CallActor } from './sfu-moderation.ts'

const { 'recording:start': start, 'recording:pause': pause } = RECORDING_OPERATIONS
const by = { roomId: RoomId, by: CallActor }

/** Requests of the contract with the SFU about recordings. `recordingId` is chosen by signalling. */
export const SFU_RECORDING_REQUESTS = {
  /**
   * `forbidden` for who is no host, `conflict` where the call is recorded or encrypted already, `unavailable` where nothing
   * is kept.
   */
  'recording:start': {
    request: z.strictObject({ ...by, recordingId: RecordingId, userId: UserId, layout: RecordingLayout }),
    response: start.response,
  },
  /** `not_found` where nothing is recorded. */
  'recording:pause': {
    request: z.strictObject({ ...by, paused: z.boolean() }),
    response: pause.response,
  },
  /** What is not recorded is no error: a retry succeeds. */
  'recording:stop': { request: z.strictObject(by), response: Nothing },
} as const

/** What the SFU says of them. */
export const SFU_RECORDING_NOTICES = {
  'recording:started': z.strictObject({
    roomId: RoomId,
    callId: CallId,
    recordingId: RecordingId,
    /** Who started it. */
    userId: UserId,
    layout: RecordingLayout,
    startedAt: Time,
  }),
  /** All that was kept is with media. */
  'recording:ended': z.strictObject({
    roomId: RoomId,
    recordingId: RecordingId,
    /** Why, if nobody ended it: a sentence for people. */
    problem: z.string().optional(),
  }),
} as const
