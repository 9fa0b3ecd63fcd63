import { z } from 'zod'
import { CallId, RoomId, StreamId, Time, UserId } from './ids.ts'
import { Nothing } from './nothing.ts'
import { RecordingLayout } from './recording.ts'
import { CallActor } from './sfu-moderation.ts'
import { RtmpUrl, StreamAnswer } from './stream.ts'

const by = { roomId: RoomId, by: CallActor }

/** Requests of the contract with the SFU about streams. `streamId` is chosen by signalling. */
export const SFU_STREAM_REQUESTS = {
  /**
   * `forbidden` for who is no host, `conflict` where the call is streamed or encrypted already, `unavailable` where nothing
   * can be streamed; what media refuses besides.
   */
  'stream:start': {
    request: z.strictObject({
      ...by,
      streamId: StreamId,
      userId: UserId,
      layout: RecordingLayout,
      hls: z.boolean(),
      rtmp: RtmpUrl.optional(),
    }),
    response: StreamAnswer,
  },
  /** `not_found` where nothing is streamed. */
  'stream:get': { request: z.strictObject(by), response: StreamAnswer },
  /** `not_found` where nothing is streamed. */
  'stream:pause': { request: z.strictObject({ ...by, paused: z.boolean() }), response: StreamAnswer },
  /** What is not streamed is no error: a retry succeeds. With an id, that stream alone. */
  'stream:stop': { request: z.strictObject({ ...by, streamId: StreamId.optional() }), response: Nothing },
} as const

/** What the SFU says of them; how one ends, media says. */
export const SFU_STREAM_NOTICES = {
  'stream:started': z.strictObject({
    roomId: RoomId,
    callId: CallId,
    streamId: StreamId,
    /** Who started it. */
    userId: UserId,
    startedAt: Time,
  }),
} as const
