import { z } from 'zod'
import { EphemeralMessage } from './bot.ts'
import { Call, ConsumerOptions } from './call.ts'
import { DataConsumerOptions } from './data.ts'
import { KeyMessage } from './encryption.ts'
import { RoomEvent } from './events.ts'
import {
  ConsumerId,
  FileId,
  ParticipantId,
  Position,
  ProducerId,
  RecordingId,
  RoomId,
  StreamId,
  TransportId,
  UserId,
} from './ids.ts'
import { Counts } from './inbox.ts'
import { Ring } from './ring.ts'
import { Role } from './room.ts'
import { MODERATION_NOTICES } from './sfu-moderation.ts'
import { StreamState } from './stream.ts'
import { Presence, User } from './user.ts'

/** Everything the server tells a client unasked, in the past tense. */
export const NOTICES = {
  'event:appended': z.strictObject({ event: RoomEvent }),
  'typing:changed': z.strictObject({ roomId: RoomId, userId: UserId, typing: z.boolean() }),
  /** To those who have a room of this user open, or watch the user. */
  'presence:changed': Presence,
  /** To those who hear a room of this user or watch it, and to its own sockets: it has another name or picture. */
  'user:changed': User,
  /** To a user's own sockets: counts of a room changed because something was read on some device. */
  'counts:changed': Counts.extend({ roomId: RoomId, readSeq: Position }),
  /** To a user's own sockets: came into a room, was invited, or asked to come in. */
  'room:entered': z.strictObject({ roomId: RoomId, role: Role }),
  /** This room is closed for this user: it left, was sent away or banned, or the room was deleted. */
  'room:closed': z.strictObject({ roomId: RoomId, reason: z.enum(['left', 'removed', 'banned', 'deleted']) }),
  /** To a user's own sockets: whom it has blocked, all of them. */
  'blocks:changed': z.strictObject({ userIds: z.array(UserId) }),
  'receipt:changed': z.strictObject({
    roomId: RoomId,
    userId: UserId,
    deliveredSeq: Position,
    readSeq: Position,
  }),
  /** To one user: what a bot shows nobody else. It is not in the log. */
  'ephemeral:shown': EphemeralMessage,
  /** What is being made of a file has come so far, 0 to 1; its end comes as an event of the log. */
  'file:progress': z.strictObject({ roomId: RoomId, fileId: FileId, progress: z.number() }),
  /** Nothing is recorded any more; what was kept becomes a film. */
  'recording:ended': z.strictObject({
    roomId: RoomId,
    recordingId: RecordingId,
    /** Why, if nobody ended it: a sentence for people. */
    problem: z.string().optional(),
  }),
  /** How much of a recording is put together: 0 to 1. */
  'recording:progress': z.strictObject({
    roomId: RoomId,
    recordingId: RecordingId,
    progress: z.number(),
  }),
  /** How sending a stream of the call to another service goes; its end comes as an event of the log. */
  'stream:changed': z.strictObject({
    roomId: RoomId,
    streamId: StreamId,
    rtmp: StreamState,
    /** Why it is not `live`, for people. */
    reason: z.string().optional(),
  }),
  /** The room's live call as it is now; null when there is none any more. */
  'call:changed': z.strictObject({ roomId: RoomId, call: Call.nullable() }),
  ...MODERATION_NOTICES,
  /** To all sockets of who rings and of who is rung: how it stands now. Answered on one device is over on the others. */
  'ring:changed': z.strictObject({ ring: Ring }),
  /** Who speaks loudest; null in silence. */
  'speaker:changed': z.strictObject({ roomId: RoomId, participantId: ParticipantId.nullable() }),
  /** `transportId` is that of the one who receives it: by the time it is heard they may have come back on another. */
  'consumer:added': z.strictObject({
    roomId: RoomId,
    participantId: ParticipantId,
    transportId: TransportId,
    consumer: ConsumerOptions,
  }),
  'consumer:closed': z.strictObject({ roomId: RoomId, participantId: ParticipantId, consumerId: ConsumerId }),
  /** To whom receives data, by this transport: somebody begins to send some. */
  'data:added': z.strictObject({
    roomId: RoomId,
    participantId: ParticipantId,
    transportId: TransportId,
    consumer: DataConsumerOptions,
  }),
  'data:closed': z.strictObject({ roomId: RoomId, participantId: ParticipantId, consumerId: ConsumerId }),
  /** To a participant: what another said by `key:send`. */
  'key:sent': z.strictObject({
    roomId: RoomId,
    participantId: ParticipantId,
    from: ParticipantId,
    text: KeyMessage.shape.text,
  }),
  /** A camera of somebody who did not speak lately stopped flowing (`lastN` of joining), or flows again. */
  'consumer:held': z.strictObject({
    roomId: RoomId,
    participantId: ParticipantId,
    consumerId: ConsumerId,
    held: z.boolean(),
  }),
  /** The call lost its media (a worker died): resume. `participantId` is the receiver's own. */
  'call:lost': z.strictObject({ roomId: RoomId, participantId: ParticipantId, reason: z.string() }),
  /** To a sender: encode no more than this; it is told at once when more is wanted again. */
  'producer:limited': z.strictObject({
    roomId: RoomId,
    participantId: ParticipantId,
    producerId: ProducerId,
    /** Highest spatial layer anybody watches; -1 when nobody does. */
    maxSpatialLayer: z.int().min(-1).max(7),
  }),
} as const

export type NoticeName = keyof typeof NOTICES
export type NoticeData<N extends NoticeName> = z.infer<(typeof NOTICES)[N]>
