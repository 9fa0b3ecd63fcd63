import { z } from 'zod'
import { CallId, RoomId, StreamId, Time, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { Nothing } from './nothing.ts'
import type { Operation } from './operations.ts'
import { RecordingLayout } from './recording.ts'

/** That a call is being streamed, as everybody in it sees it before anything leaves it. Where to is told to hosts alone. */
export const CallStream = z.strictObject({
  id: StreamId,
  /** From here on it is shown to others. */
  startedAt: Time,
  /** Who watches sees that it goes on later, and hears nothing. */
  paused: z.boolean(),
  /** Whether it can be watched by whoever has its address. */
  hls: z.boolean(),
  /** Whether it is sent to another service. */
  rtmp: z.boolean(),
})
export type CallStream = z.infer<typeof CallStream>

const NO_RTMP = { message: 'must be an address such as rtmp://live.example.org/app/key, or rtmps://' }
/** Where a stream is sent: its last part is mostly a secret, so that nobody but media is told of it. */
export const RtmpUrl = z
  .string()
  .max(LIMITS.rtmpUrlChars)
  .regex(/^rtmps?:\/\/[^/\s]+\/[^/\s]+\/?\S*$/, NO_RTMP)
  .refine(value => URL.canParse(value), NO_RTMP)

/** Where media serves what is watched: `/live/<streamId>/<key>/index.m3u8`, and segments beside it. */
export const LIVE_PATH = '/live'

const inRoom = { roomId: RoomId }
const path = '/v1/rooms/{roomId}/call/stream'

/** A stream, and what hosts are told of it: where it can be watched. */
export const StreamAnswer = z.strictObject({
  stream: CallStream,
  /** Path of the HLS playlist on this server, for whoever is given it; absent without `hls`. */
  playlist: z.string().optional(),
})
export type StreamAnswer = z.infer<typeof StreamAnswer>

/** For hosts, as CALL_RIGHTS says. */
export const STREAM_OPERATIONS = {
  'stream:start': {
    summary:
      'Stream the call live: to an RTMP address, as HLS under an address nobody guesses, or both. Everybody in it is told before anything leaves it. Not of encrypted calls. For hosts',
    rest: { method: 'post', path, status: 201 },
    right: 'call',
    sender: 'required',
    request: z
      .strictObject({
        ...inRoom,
        rtmp: RtmpUrl.optional(),
        hls: z.boolean().optional(),
        layout: RecordingLayout.optional(),
      })
      .refine(({ rtmp, hls }) => rtmp !== undefined || hls === true, {
        message: 'has to say where to: rtmp, hls: true, or both',
      }),
    response: StreamAnswer,
  },
  'stream:get': {
    summary: 'The stream of the call, and where it can be watched. For hosts',
    rest: { method: 'get', path, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: StreamAnswer,
  },
  'stream:pause': {
    summary: 'Show nothing of the call for a while, or go on; the stream itself goes on. For hosts',
    rest: { method: 'put', path, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, paused: z.boolean() }),
    response: StreamAnswer,
  },
  'stream:stop': {
    summary: 'End the stream of the call. For hosts',
    rest: { method: 'delete', path, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: Nothing,
  },
} as const satisfies Record<string, Operation>

/** A sentence for people. */
const sentence = z.string()

/** What media is asked to show: the parts of a job under the stream's id (FileShelf.putPart), until one that is empty. */
export const StreamOrder = z.strictObject({
  // It becomes part of a path of the store.
  streamId: StreamId.regex(/^[a-z0-9_]+$/, { message: 'must be the id of a stream, such as str_0f3c' }),
  roomId: RoomId,
  callId: CallId,
  /** Who started it. */
  userId: UserId,
  layout: RecordingLayout,
  hls: z.boolean(),
  rtmp: RtmpUrl.optional(),
  startedAt: Time,
})
export type StreamOrder = z.infer<typeof StreamOrder>

/** How sending to another service goes; `failed`: it is not tried any more. */
export const StreamState = z.enum(['live', 'reconnecting', 'failed'])
export type StreamState = z.infer<typeof StreamState>

const ofStream = { roomId: RoomId, streamId: StreamId }

/** What media has to say of a stream: to those who have its room open, and its end in the log of its room. */
export const StreamNews = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('state'), ...ofStream, rtmp: StreamState, reason: sentence.optional() }),
  z.strictObject({
    type: z.literal('ended'),
    ...ofStream,
    durationMs: z.int().min(0),
    /** Why, if nobody ended it. */
    problem: sentence.optional(),
  }),
  z.strictObject({ type: z.literal('failed'), ...ofStream, reason: sentence }),
])
export type StreamNews = z.infer<typeof StreamNews>
