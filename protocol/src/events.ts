import { z } from 'zod'
import { Breakout, BreakoutMove } from './breakouts.ts'
import { Controls } from './control.ts'
import { CallId, ClientId, FileId, RecordingId, RingId, RoomId, Seq, StreamId, Time, UserId } from './ids.ts'
import { metadata } from './json.ts'
import { Forwarded, MessagePart, MimeType, Reaction } from './message.ts'
import { NodeName, NodePayload } from './node.ts'
import { RingMedia, RungUsers } from './ring.ts'
import { GrantedRole, RIGHTS, type Role, RoomChanges, RoomKind, RoomSettings, RoomTitle } from './room.ts'
import { User } from './user.ts'

/** The message an event is about, by the number of its `message.created`. */
const about = { messageSeq: Seq }
const said = {
  parts: z.array(MessagePart),
  metadata: metadata.optional(),
  mentions: z.array(UserId).optional(),
  controls: Controls.optional(),
  /** What it said was taken out of the log; parts are empty. */
  deleted: z.literal(true).optional(),
}
const reason = z.string().optional()
/** It was a request to come in, not a membership. */
const request = { requested: z.literal(true).optional() }

/** Everything lasting that can happen in a room, by type, with the shape of its `data`. */
export const EVENTS = {
  /** With what was settled from the start. */
  'room.created': z.strictObject({
    kind: RoomKind,
    ...RoomSettings,
    title: RoomTitle,
    /** It is a breakout of this room. */
    parentId: RoomId.optional(),
  }),
  /** Only what changed. */
  'room.updated': z.strictObject({ changes: RoomChanges }),
  /** Nobody writes from here on. */
  'room.archived': z.strictObject({}),
  'room.restored': z.strictObject({}),
  /** The room is gone, and its log with it: who follows the logs of all rooms is told, after the last event of this one. */
  'room.deleted': z.strictObject({}),
  'member.invited': z.strictObject({ user: User, role: GrantedRole }),
  /** Somebody asks to come in: for moderators' eyes. */
  'member.requested': z.strictObject({ user: User, message: z.string().optional() }),
  'member.joined': z.strictObject({ user: User, role: GrantedRole }),
  'member.changed': z.strictObject({ userId: UserId, role: GrantedRole }),
  /** Went, or declined the invitation, or withdrew the request: the last for moderators' eyes, as the request was. */
  'member.left': z.strictObject({ userId: UserId, ...request }),
  /** Sent away, or not let in: the last for moderators' eyes, as the request was. */
  'member.removed': z.strictObject({ userId: UserId, reason, ...request }),
  /** For moderators' eyes; others read that a member was removed, if it was one that they saw. */
  'member.banned': z.strictObject({
    userId: UserId,
    reason,
    until: Time.optional(),
    /** Nobody but moderators knew of the user here: it was not in the room, or only asked to come in. */
    unseen: z.literal(true).optional(),
  }),
  'member.unbanned': z.strictObject({ userId: UserId }),
  /** In the place of an event that is for moderators' eyes: the numbers have no holes. */
  'event.hidden': z.strictObject({}),
  'message.created': z.strictObject({
    ...said,
    replyTo: Seq.optional(),
    threadOf: Seq.optional(),
    forwarded: Forwarded.optional(),
    silent: z.literal(true).optional(),
    expiresAt: Time.optional(),
  }),
  'message.edited': z.strictObject({ ...about, ...said }),
  'message.deleted': z.strictObject({ ...about, expired: z.literal(true).optional() }),
  'message.pinned': z.strictObject(about),
  'message.unpinned': z.strictObject(about),
  'reaction.added': z.strictObject({ ...about, reaction: Reaction }),
  'reaction.removed': z.strictObject({ ...about, reaction: Reaction }),
  'node.published': z.strictObject({ node: NodeName, payload: NodePayload }),
  /** A file of the room can be shown: GET /v1/files tells all that was made of it. */
  'file.ready': z.strictObject({
    fileId: FileId,
    mime: MimeType,
    /** pixels */
    width: z.int().optional(),
    height: z.int().optional(),
    durationMs: z.int().optional(),
  }),
  /** Nothing could be made of a file; it is offered as it came, unless it was quarantined. */
  'file.failed': z.strictObject({
    fileId: FileId,
    /** For people. */
    reason: z.string(),
    quarantined: z.literal(true).optional(),
  }),
  'file.deleted': z.strictObject({ fileId: FileId }),
  'call.started': z.strictObject({ callId: CallId }),
  'call.ended': z.strictObject({
    callId: CallId,
    /** From the first to join until the last to leave. */
    durationMs: z.int().min(0),
    /** Who took part, as far as it is known, the first LIMITS.usersPerRequest. */
    userIds: RungUsers.optional(),
  }),
  /** The call is recorded from now on; the sender had it so. */
  'recording.started': z.strictObject({ recordingId: RecordingId, callId: CallId }),
  /** A film of the call is a file of the room. */
  'recording.ready': z.strictObject({
    recordingId: RecordingId,
    fileId: FileId,
    durationMs: z.int().min(0),
    /** Why it ended before anybody stopped it, for people. */
    problem: z.string().optional(),
  }),
  'recording.failed': z.strictObject({
    recordingId: RecordingId,
    /** For people. */
    reason: z.string(),
  }),
  /** The call is streamed to others from now on; the sender had it so. */
  'stream.started': z.strictObject({ streamId: StreamId, callId: CallId }),
  'stream.ended': z.strictObject({
    streamId: StreamId,
    durationMs: z.int().min(0),
    /** Why it ended before anybody stopped it, for people. */
    problem: z.string().optional(),
  }),
  'stream.failed': z.strictObject({
    streamId: StreamId,
    /** For people. */
    reason: z.string(),
  }),
  /** The sender rings others for the room's call. */
  'ring.started': z.strictObject({
    ringId: RingId,
    media: RingMedia,
    userIds: RungUsers,
    expiresAt: Time,
    /** Of these, who was in another call: they are not rung. */
    busy: RungUsers.optional(),
    /** Of these, who did not want to be disturbed: they are not rung. */
    missed: RungUsers.optional(),
  }),
  /** The sender was rung and comes. */
  'ring.accepted': z.strictObject({ ringId: RingId }),
  'ring.declined': z.strictObject({
    ringId: RingId,
    /** Its device said so by itself. */
    busy: z.literal(true).optional(),
  }),
  /** Nobody is rung any more: everybody answered, the time was over, or it was taken back. */
  'ring.ended': z.strictObject({
    ringId: RingId,
    media: RingMedia,
    /** Who rang. */
    from: UserId,
    /** Who was rung for nothing: it counts as unread for them. */
    missed: RungUsers,
    /** Somebody came. */
    answered: z.literal(true).optional(),
    cancelled: z.literal(true).optional(),
  }),
  /** In the room they belong to; in place of those that were open. */
  'breakouts.opened': z.strictObject({ breakouts: z.array(Breakout), endsAt: Time.optional() }),
  'breakouts.moved': z.strictObject({ moves: z.array(BreakoutMove) }),
  'breakouts.closed': z.strictObject({}),
} as const

export type EventType = keyof typeof EVENTS
export type EventData<T extends EventType = EventType> = z.infer<(typeof EVENTS)[T]>

const envelope = {
  roomId: RoomId,
  seq: Seq,
  at: Time,
  /** Who did it; absent when the server did. */
  sender: UserId.optional(),
  clientId: ClientId.optional(),
}

const eventOf = <T extends EventType>(type: T) =>
  z.strictObject({ ...envelope, type: z.literal(type), data: EVENTS[type] })

/** One entry of a room's log. */
export const RoomEvent = z.discriminatedUnion('type', [
  eventOf('room.created'),
  eventOf('room.updated'),
  eventOf('room.archived'),
  eventOf('room.restored'),
  eventOf('room.deleted'),
  eventOf('member.invited'),
  eventOf('member.requested'),
  eventOf('member.joined'),
  eventOf('member.changed'),
  eventOf('member.left'),
  eventOf('member.removed'),
  eventOf('member.banned'),
  eventOf('member.unbanned'),
  eventOf('event.hidden'),
  eventOf('message.created'),
  eventOf('message.edited'),
  eventOf('message.deleted'),
  eventOf('message.pinned'),
  eventOf('message.unpinned'),
  eventOf('reaction.added'),
  eventOf('reaction.removed'),
  eventOf('node.published'),
  eventOf('file.ready'),
  eventOf('file.failed'),
  eventOf('file.deleted'),
  eventOf('call.started'),
  eventOf('call.ended'),
  eventOf('recording.started'),
  eventOf('recording.ready'),
  eventOf('recording.failed'),
  eventOf('stream.started'),
  eventOf('stream.ended'),
  eventOf('stream.failed'),
  eventOf('ring.started'),
  eventOf('ring.accepted'),
  eventOf('ring.declined'),
  eventOf('ring.ended'),
  eventOf('breakouts.opened'),
  eventOf('breakouts.moved'),
  eventOf('breakouts.closed'),
])
export type RoomEvent = z.infer<typeof RoomEvent>
export type RoomEventOf<T extends EventType> = Extract<RoomEvent, { type: T }>

/** Whether only those who moderate see this event as it is. */
export const isForModerators = (event: RoomEvent): boolean =>
  event.type === 'member.banned' ||
  event.type === 'member.unbanned' ||
  event.type === 'member.requested' ||
  ((event.type === 'member.left' || event.type === 'member.removed') && event.data.requested === true)

/**
 * An event as a role may see it. Who is banned and who asks to come in is for those who moderate; the others see a
 * removal, or that something happened under this number.
 */
export const eventFor = (role: Role, event: RoomEvent): RoomEvent => {
  if (!isForModerators(event) || RIGHTS[role].moderate) return event
  const { roomId, seq, at, sender } = event
  return event.type === 'member.banned' && !event.data.unseen
    ? // As a kick without a reason reads: nobody is to tell the two apart.
      {
        roomId,
        seq,
        at,
        ...(sender && { sender }),
        type: 'member.removed',
        data: { userId: event.data.userId },
      }
    : { roomId, seq, at, type: 'event.hidden', data: {} }
}
