import { z } from 'zod'
import { Time, UserId } from './ids.ts'
import { line, text } from './json.ts'
import { LIMITS } from './limits.ts'

export const UserKind = z.enum(['user', 'guest', 'bot'])
export type UserKind = z.infer<typeof UserKind>

export const UserName = text(LIMITS.userNameChars, 1)
/** Of those an operator or a room makes; what apps call their users is theirs to say. */
export const MadeName = line(LIMITS.userNameChars)

/** What others may see of a user. */
export const User = z.strictObject({
  id: UserId,
  name: UserName,
  kind: UserKind,
  /** Path of its picture on this server; as it was then, where an event tells of the user. */
  avatar: z.string().optional(),
})
export type User = z.infer<typeof User>

/** `offline` is the absence of any connected socket, or the wish not to be seen; a user never sets it. */
export const PresenceStatus = z.enum(['online', 'away', 'dnd', 'offline'])
export type PresenceStatus = z.infer<typeof PresenceStatus>

/** What a user says of itself beside the status: "In theatre until noon". */
export const CustomStatus = z.strictObject({
  text: text(LIMITS.customStatusChars, 1),
  emoji: text(LIMITS.reactionChars, 1).optional(),
  /** When it ends by itself. */
  until: Time.optional(),
})
export type CustomStatus = z.infer<typeof CustomStatus>

/** A user's presence over all its devices, as those see it who share a room with it. */
export const Presence = z.strictObject({
  userId: UserId,
  status: PresenceStatus,
  custom: CustomStatus.optional(),
  /** When the last device went; absent while one is connected, and for who hides. */
  lastSeenAt: Time.optional(),
})
export type Presence = z.infer<typeof Presence>

/** The token a client presents, with the user it is for. */
export const IssuedToken = z.strictObject({ token: z.string(), user: User, expiresAt: Time })
export type IssuedToken = z.infer<typeof IssuedToken>
