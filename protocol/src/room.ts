import { z } from 'zod'
import { Position, RoomId, Time, UserId } from './ids.ts'
import { metadata, text } from './json.ts'
import { LIMITS } from './limits.ts'
import { PresenceStatus, User } from './user.ts'

/** `direct`: exactly two, one per pair. `group`: by invitation. `channel`: followable. */
export const RoomKind = z.enum(['direct', 'group', 'channel'])
export type RoomKind = z.infer<typeof RoomKind>

/** Rising rights, except `pending` (asked to come in) and `banned`. A member reads, a publisher writes. */
export const Role = z.enum(['owner', 'moderator', 'publisher', 'member', 'pending', 'banned'])
export type Role = z.infer<typeof Role>
/** What there is to do in a room: see its log, members, presence and files; write and send files; take part in calls. */
export type RoomAction = 'read' | 'write' | 'call'

/** Who may do what in a room: the single source. */
export const RIGHTS: Readonly<Record<Role, Readonly<Record<RoomAction, boolean>>>> = {
  owner: { read: true, write: true, call: true },
  moderator: { read: true, write: true, call: true },
  publisher: { read: true, write: true, call: true },
  member: { read: true, write: false, call: true },
  pending: { read: false, write: false, call: false },
  banned: { read: false, write: false, call: false },
}

/** Roles a token may grant. */
export const GrantedRole = z.enum(['owner', 'moderator', 'publisher', 'member'])
export type GrantedRole = z.infer<typeof GrantedRole>

export const RoomTitle = text(LIMITS.roomNameChars)

export const Room = z.strictObject({
  id: RoomId,
  kind: RoomKind,
  title: RoomTitle,
  metadata,
  /** Whether anybody with the link may come in as a guest. */
  guests: z.boolean(),
  lastSeq: Position,
  createdAt: Time,
})
export type Room = z.infer<typeof Room>

/** A user in a room, with how far this user has received and read its log: two numbers, not a row per message. */
export const Member = z.strictObject({
  user: User,
  role: Role,
  deliveredSeq: Position,
  readSeq: Position,
  joinedAt: Time,
})
export type Member = z.infer<typeof Member>

export const RoomWithMembership = Room.extend({
  /** Who asks, and their role; absent for an API key. */
  me: z.strictObject({ userId: UserId, role: Role }).optional(),
})
export type RoomWithMembership = z.infer<typeof RoomWithMembership>

export const RoomPresence = z.strictObject({ userId: UserId, status: PresenceStatus })
export type RoomPresence = z.infer<typeof RoomPresence>
