import { z } from 'zod'
import { FileId, RecordingId, RoomId, Time, UserId } from './ids.ts'
import { Nothing } from './nothing.ts'
import type { Operation } from './operations.ts'

/** How the people of a recording stand in its picture: all alike, or who speaks large. */
export const RecordingLayout = z.enum(['grid', 'speaker'])
export type RecordingLayout = z.infer<typeof RecordingLayout>

/** That a call is being recorded, as everybody in it sees it before anything is kept. */
export const CallRecording = z.strictObject({
  id: RecordingId,
  /** From here on it is kept. */
  startedAt: Time,
  /** Nothing is kept for now. */
  paused: z.boolean(),
})
export type CallRecording = z.infer<typeof CallRecording>

const inRoom = { roomId: RoomId }
const path = '/v1/rooms/{roomId}/call/recording'
const recording = z.strictObject({ recording: CallRecording })

/** For hosts, as CALL_RIGHTS says. */
export const RECORDING_OPERATIONS = {
  'recording:start': {
    summary:
      'Record the call: everybody in it is told before anything is kept, and the room has the film afterwards. Not of encrypted calls. For hosts',
    rest: { method: 'post', path, status: 201 },
    right: 'call',
    sender: 'required',
    request: z.strictObject({ ...inRoom, layout: RecordingLayout.optional() }),
    response: recording,
  },
  'recording:pause': {
    summary: 'Keep nothing of the call for a while, or go on. For hosts',
    rest: { method: 'put', path, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, paused: z.boolean() }),
    response: recording,
  },
  'recording:stop': {
    summary: 'End the recording; what was kept becomes a file of the room. For hosts',
    rest: { method: 'delete', path, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: Nothing,
  },
} as const satisfies Record<string, Operation>

/** A sentence for people. */
const sentence = z.string()

/** What media is asked to make of what was kept of a call: the parts of a job under the recording's id (FileShelf.putPart). */
export const RecordingOrder = z.strictObject({
  // It becomes part of a path of the store.
  recordingId: RecordingId.regex(/^[a-z0-9_]+$/, {
    message: 'must be the id of a recording, such as rec_0f3c',
  }),
  roomId: RoomId,
  /** Who started it, whose file it becomes. */
  userId: UserId,
  layout: RecordingLayout,
  startedAt: Time,
  /** Why it ended before anybody stopped it. */
  problem: sentence.optional(),
})
export type RecordingOrder = z.infer<typeof RecordingOrder>

/** What media has to say of a recording: to those who have its room open, and, but for progress, in the log of its room. */
export const RecordingNews = z.discriminatedUnion('type', [
  /** 0 to 1 */
  z.strictObject({
    type: z.literal('progress'),
    roomId: RoomId,
    recordingId: RecordingId,
    progress: z.number(),
  }),
  z.strictObject({
    type: z.literal('ready'),
    roomId: RoomId,
    recordingId: RecordingId,
    fileId: FileId,
    durationMs: z.int().min(0),
    problem: sentence.optional(),
  }),
  z.strictObject({ type: z.literal('failed'), roomId: RoomId, recordingId: RecordingId, reason: sentence }),
])
export type RecordingNews = z.infer<typeof RecordingNews>
