import { z } from 'zod'
import { DefaultCallRole } from './call-rights.ts'
import { Device } from './device.ts'
import { RoomEvent } from './events.ts'
import { ClientId, Position, RoomId, ScheduleId, Seq, Time, UserId } from './ids.ts'
import { metadata, text } from './json.ts'
import { LIMITS } from './limits.ts'
import { Mentions, MessagePart } from './message.ts'
import { NotificationLevel, NotificationSettings } from './notification.ts'
import {
  AccessModel,
  DefaultRole,
  GrantedRole,
  PendingKind,
  Role,
  RoomKind,
  RoomSettings,
  RoomTitle,
} from './room.ts'
import { ShelfFile } from './shelf.ts'
import { CustomStatus, User } from './user.ts'

/** Raised when an older reader could no longer make sense of a file. */
export const PORTABLE_VERSION = 1
/** Bytes of a file in one line. */
export const PORTABLE_CHUNK_BYTES = 192 * 1024

const count = z.int().min(0)
const shared = RoomSettings

/** The first line. */
export const PortableHeader = z.strictObject({
  type: z.literal('header'),
  format: z.literal('trunkline'),
  version: z.literal(PORTABLE_VERSION),
  kind: z.enum(['room', 'user']),
  /** Of the room or the user. */
  id: z.string().max(LIMITS.idChars),
  exportedAt: Time,
})

export const PortableRoom = z.strictObject({
  type: z.literal('room'),
  id: RoomId,
  kind: RoomKind,
  title: RoomTitle,
  description: shared.description.unwrap(),
  avatar: shared.avatar.unwrap(),
  access: AccessModel,
  defaultRole: DefaultRole,
  metadata,
  guests: z.boolean(),
  retentionDays: z.int().min(1).max(LIMITS.retentionDaysMax).nullable(),
  // Exports of before do not have these.
  lobby: z.boolean().optional(),
  defaultCallRole: DefaultCallRole.optional(),
  archivedAt: Time.nullable(),
  /** Of rooms of which there is one per set of members: what is the same for the same set, everywhere. */
  distinctKey: z.string().max(LIMITS.idChars).nullable(),
  /** The first event there is, and the last. */
  firstSeq: Seq,
  lastSeq: Position,
  createdBy: UserId.nullable(),
  createdAt: Time,
})

export const PortableMember = z.strictObject({
  type: z.literal('member'),
  userId: UserId,
  role: Role,
  deliveredSeq: Position,
  readSeq: Position,
  joinedAt: Time,
  pending: PendingKind.nullable(),
  offered: GrantedRole.nullable(),
  banReason: z.string().max(LIMITS.reasonChars).nullable(),
  banUntil: Time.nullable(),
  bannedBy: UserId.nullable(),
})

export const PortableScheduled = z.strictObject({
  type: z.literal('scheduled'),
  id: ScheduleId,
  roomId: RoomId,
  sender: UserId,
  clientId: ClientId,
  sendAt: Time,
  content: z.strictObject({
    parts: z.array(MessagePart).max(LIMITS.partsPerMessage),
    metadata: metadata.optional(),
    mentions: Mentions.optional(),
    replyTo: Seq.optional(),
    threadOf: Seq.optional(),
    silent: z.boolean().optional(),
    ttlSeconds: z.int().min(1).max(LIMITS.messageTtlSecondsMax).optional(),
    text: text(LIMITS.messageBytes).optional(),
    /** What the sender must be allowed to do when its time has come. */
    right: z.enum(['write', 'not-banned']),
  }),
})

const PortableFile = ShelfFile.extend({ type: z.literal('file') })
const PortableFileBytes = z.strictObject({
  type: z.literal('fileBytes'),
  id: ShelfFile.shape.id,
  /** bytes of the file before these */
  offset: count,
  base64: z.base64().max(2 * PORTABLE_CHUNK_BYTES),
})

const PortableProfile = User.extend({
  type: z.literal('profile'),
  createdAt: Time,
  dnd: z.boolean(),
  hidden: z.boolean(),
  customStatus: CustomStatus.nullable(),
  lastSeenAt: Time.nullable(),
})

/** How one wants to be told while away; null for what one has not said. */
const PortableNotifications = z.strictObject({
  type: z.literal('notifications'),
  quietHours: NotificationSettings.shape.quietHours,
  whenAway: NotificationSettings.shape.whenAway.nullable(),
  digestMinutes: NotificationSettings.shape.digestMinutes.nullable(),
})

/** The last line: without it the file was cut short. */
export const PortableEnd = z.strictObject({
  type: z.literal('end'),
  /** Lines of each type before this one. */
  counts: z.record(z.string().max(20), count),
})

/**
 * A line of what one installation exports and another imports. docs/portable-data.md has an example of each; those of a
 * user's own export are for the user and are not imported.
 */
export const PortableLine = z.discriminatedUnion('type', [
  PortableHeader,
  PortableRoom,
  User.extend({ type: z.literal('user') }),
  PortableMember,
  z.strictObject({ type: z.literal('event'), event: RoomEvent }),
  PortableScheduled,
  PortableFile,
  PortableFileBytes,
  PortableProfile,
  z.strictObject({ type: z.literal('block'), userId: UserId, at: Time }),
  z.strictObject({
    type: z.literal('membership'),
    room: z.strictObject({ id: RoomId, kind: RoomKind, title: RoomTitle }),
    role: Role,
    deliveredSeq: Position,
    readSeq: Position,
    joinedAt: Time,
  }),
  /** Where it is reached is not in it: who knows that can write to it. */
  Device.extend({ type: z.literal('device') }),
  PortableNotifications,
  z.strictObject({
    type: z.literal('roomNotification'),
    roomId: RoomId,
    level: NotificationLevel,
    until: Time.nullable(),
  }),
  PortableEnd,
])
export type PortableLine = z.infer<typeof PortableLine>
export type PortableLineOf<T extends PortableLine['type']> = Extract<PortableLine, { type: T }>
