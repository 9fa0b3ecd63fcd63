import { z } from 'zod'
import { Time, UserId } from './ids.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'

export const UserKind = z.enum(['user', 'guest', 'bot'])
export type UserKind = z.infer<typeof UserKind>

export const UserName = text(LIMITS.userNameChars, 1)

/** What others may see of a user. */
export const User = z.strictObject({ id: UserId, name: UserName, kind: UserKind })
export type User = z.infer<typeof User>

/** `offline` is the absence of any open socket; a user never sets it. */
export const PresenceStatus = z.enum(['online', 'away', 'offline'])
export type PresenceStatus = z.infer<typeof PresenceStatus>

/** The token a client presents, with the user it is for. */
export const IssuedToken = z.strictObject({ token: z.string(), user: User, expiresAt: Time })
export type IssuedToken = z.infer<typeof IssuedToken>
