import { z } from 'zod'
import { DefaultCallRole } from './call-rights.ts'
import { Position, RoomId, Seq, Time, UserId } from './ids.ts'
import { metadata, text } from './json.ts'
import { LIMITS } from './limits.ts'
import { User } from './user.ts'

/** `direct`: exactly two, one per pair. `group`: by invitation. `channel`: followable. */
export const RoomKind = z.enum(['direct', 'group', 'channel'])
export type RoomKind = z.infer<typeof RoomKind>

/** How one comes into a room by oneself: at once, after a moderator approved, or not at all. */
export const AccessModel = z.enum(['open', 'request', 'invite'])
export type AccessModel = z.infer<typeof AccessModel>

/** Rising rights, except `pending` (asked or was asked to come in) and `banned`. A member reads, a publisher writes. */
export const Role = z.enum(['owner', 'moderator', 'publisher', 'member', 'pending', 'banned'])
export type Role = z.infer<typeof Role>

/** What there is to do in a room. */
export const ROOM_ACTIONS = {
  read: 'see its log, members, presence and files',
  react: 'react to messages',
  call: 'take part in calls',
  write: "send messages and files, publish to nodes, change and delete what is one's own",
  pin: 'pin messages',
  invite: 'invite and add people',
  moderate: 'delete messages of others, approve, kick and ban, see who asked to come in and who is banned',
  grant: 'promote and demote those of lower rank, to lower ranks',
  update: 'change title, description, access and the like',
  administer: 'archive, delete and hand over the room, say how long it keeps its events, make owners',
} as const
export type RoomAction = keyof typeof ROOM_ACTIONS

/** Who may do what in a room: the single source. */
export const RIGHTS = {
  owner: {
    read: true,
    react: true,
    call: true,
    write: true,
    pin: true,
    invite: true,
    moderate: true,
    grant: true,
    update: true,
    administer: true,
  },
  moderator: {
    read: true,
    react: true,
    call: true,
    write: true,
    pin: true,
    invite: true,
    moderate: true,
    grant: true,
    update: true,
    administer: false,
  },
  publisher: {
    read: true,
    react: true,
    call: true,
    write: true,
    pin: true,
    invite: false,
    moderate: false,
    grant: false,
    update: false,
    administer: false,
  },
  member: {
    read: true,
    react: true,
    call: true,
    write: false,
    pin: false,
    invite: false,
    moderate: false,
    grant: false,
    update: false,
    administer: false,
  },
  pending: {
    read: false,
    react: false,
    call: false,
    write: false,
    pin: false,
    invite: false,
    moderate: false,
    grant: false,
    update: false,
    administer: false,
  },
  banned: {
    read: false,
    react: false,
    call: false,
    write: false,
    pin: false,
    invite: false,
    moderate: false,
    grant: false,
    update: false,
    administer: false,
  },
} as const satisfies Readonly<Record<Role, Readonly<Record<RoomAction, boolean>>>>

/** Roles that have a right, highest first. */
export const rolesWith = (action: RoomAction): Role[] => Role.options.filter(role => RIGHTS[role][action])

/** Rank of a role: who moderates must stand above whom it concerns. */
export const RANK: Readonly<Record<Role, number>> = {
  owner: 4,
  moderator: 3,
  publisher: 2,
  member: 1,
  pending: 0,
  banned: 0,
}

/** Roles a token, an invitation or a promotion may give. */
export const GrantedRole = z.enum(['owner', 'moderator', 'publisher', 'member'])
export type GrantedRole = z.infer<typeof GrantedRole>

/** Role of those who come in without one being named: they write, or they read. */
export const DefaultRole = z.enum(['publisher', 'member'])
export type DefaultRole = z.infer<typeof DefaultRole>

/** Whether somebody who is not in asked to come in, or was asked. */
export const PendingKind = z.enum(['requested', 'invited'])
export type PendingKind = z.infer<typeof PendingKind>

export const RoomTitle = text(LIMITS.roomNameChars)
const Avatar = z.union(
  [z.url({ protocol: /^https?$/ }).max(LIMITS.urlChars), z.string().regex(/^\/avatars\/[0-9a-f]{32}$/)],
  { error: 'must be an http or https address, or the path of an avatar of this server' },
)

/** What may be changed of a room after it was created. */
export const RoomSettings = {
  title: RoomTitle.optional(),
  description: text(LIMITS.descriptionChars).optional(),
  /** Address of a picture; null for none. */
  avatar: Avatar.nullable().optional(),
  metadata: metadata.optional(),
  /** Whether anybody with the link may come in as a guest. */
  guests: z.boolean().optional(),
  /** Channels only; groups and direct rooms are by invitation. */
  access: AccessModel.optional(),
  defaultRole: DefaultRole.optional(),
  /** Whether a host has to let in who comes to a call. */
  lobby: z.boolean().optional(),
  /** What those are in a call who come from now on, and of whom neither role nor token says more. */
  defaultCallRole: DefaultCallRole.optional(),
  /** Events older than this are removed; null keeps them for ever. */
  retentionDays: z.int().min(1).max(LIMITS.retentionDaysMax).nullable().optional(),
}
export const RoomChanges = z.strictObject(RoomSettings)
export type RoomChanges = z.infer<typeof RoomChanges>

/** What is asked of a new room. With an API key unknown user ids are created; with a user's token the user becomes owner. */
export const RoomPost = z.strictObject({
  /** Chosen by the app, or `room_...` when we choose. */
  id: RoomId.optional(),
  kind: RoomKind,
  ...RoomSettings,
  members: z.array(UserId).max(LIMITS.membersPerCreate).optional(),
  /** The same members always get the same room. */
  distinct: z.boolean().optional(),
})
export type RoomPost = z.infer<typeof RoomPost>

export const Room = z.strictObject({
  id: RoomId,
  kind: RoomKind,
  title: RoomTitle,
  description: z.string(),
  avatar: z.string().nullable(),
  access: AccessModel,
  defaultRole: DefaultRole,
  lobby: z.boolean(),
  defaultCallRole: DefaultCallRole,
  metadata,
  /** Whether anybody with the link may come in as a guest. */
  guests: z.boolean(),
  retentionDays: z.int().nullable(),
  /** The room this one is a breakout of. */
  parentId: RoomId.optional(),
  /** Since when nobody writes here any more; null while it lives. */
  archivedAt: Time.nullable(),
  /** Those who may read. */
  memberCount: z.int().min(0),
  /** The first event that retention has left: 1 for a whole log. */
  firstSeq: Seq,
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
  /** Of a `pending` member. */
  pending: PendingKind.optional(),
})
export type Member = z.infer<typeof Member>

/** A user who is kept out of a room: for moderators and owners only. */
export const Ban = z.strictObject({
  user: User,
  reason: z.string().optional(),
  /** When it ends by itself. */
  until: Time.optional(),
  /** Absent when an app's server did it. */
  by: UserId.optional(),
  at: Time,
})
export type Ban = z.infer<typeof Ban>

export const RoomWithMembership = Room.extend({
  /** Who asks, and their role; absent for an API key. */
  me: z.strictObject({ userId: UserId, role: Role }).optional(),
})
export type RoomWithMembership = z.infer<typeof RoomWithMembership>

/** What anybody may see of a channel that can be followed, and the invited of the room they are invited to. */
export const RoomPreview = Room.pick({
  id: true,
  kind: true,
  title: true,
  description: true,
  avatar: true,
  access: true,
  memberCount: true,
})
export type RoomPreview = z.infer<typeof RoomPreview>
