import { z } from 'zod'
import { CallRole } from './call-rights.ts'
import { RoomId, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { GrantedRole } from './room.ts'
import { UserKind, UserName } from './user.ts'

/**
 * Claims of a user's JWT (HS256). Signed by an API key (header `kid` = the key's id, secret = the key itself) or by
 * Trunkline. `rooms` grants a role in rooms the user need not be a member of yet.
 */
export const TokenClaims = z.object({
  sub: UserId,
  name: UserName.optional(),
  kind: UserKind.optional(),
  rooms: z.record(RoomId, GrantedRole).optional(),
  /** What the user is in the calls of rooms. */
  calls: z.record(RoomId, CallRole).optional(),
  exp: z.number(),
  iat: z.number().optional(),
})
export type TokenClaims = z.infer<typeof TokenClaims>

export const RoomGrant = z.strictObject({
  roomId: RoomId,
  role: GrantedRole.default('publisher'),
  /** In its calls; by default what the room says. */
  call: CallRole.optional(),
})

/** Body of `POST /v1/tokens`. */
export const TokenRequest = z.strictObject({
  userId: UserId,
  name: UserName.optional(),
  rooms: z.array(RoomGrant).max(LIMITS.grantsPerToken).optional(),
  ttlSeconds: z.int().min(LIMITS.tokenSecondsMin).max(LIMITS.tokenSecondsMax).optional(),
})
export type TokenRequest = z.infer<typeof TokenRequest>

/** Body of `POST /v1/guest-tokens`. With a still valid guest token in `Authorization`, the same guest comes back. */
export const GuestTokenRequest = z.strictObject({ roomId: RoomId, name: UserName })
export type GuestTokenRequest = z.infer<typeof GuestTokenRequest>

/** Body of `POST /v1/demo-tokens`: somebody who tries messaging out, under a name of their own. */
export const DemoTokenRequest = z.strictObject({ name: UserName })
export type DemoTokenRequest = z.infer<typeof DemoTokenRequest>
