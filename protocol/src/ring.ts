import { z } from 'zod'
import { RingId, RoomId, Seq, Time, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { User } from './user.ts'

/** What somebody is rung for; whoever answers may do it with or without a camera. */
export const RingMedia = z.enum(['audio', 'video'])
export type RingMedia = z.infer<typeof RingMedia>

/** `busy`: was in another call. `missed`: did not answer in time, or was not to be disturbed. */
export const RingState = z.enum(['ringing', 'accepted', 'declined', 'busy', 'missed'])
export type RingState = z.infer<typeof RingState>

/** How long a ring lasts, in seconds. */
export const RingSeconds = z.int().min(LIMITS.ringSecondsMin).max(LIMITS.ringSecondsMax)

/** Those who are rung, at most LIMITS.usersPerRequest. */
export const RungUsers = z.array(UserId).max(LIMITS.usersPerRequest)

/** Somebody rings others of a room for its call, whole: every `ring:changed` carries all of it. */
export const Ring = z.strictObject({
  id: RingId,
  roomId: RoomId,
  from: User,
  media: RingMedia,
  targets: z.array(z.strictObject({ userId: UserId, state: RingState })),
  startedAt: Time,
  /** Whoever has not answered by then has missed it. */
  expiresAt: Time,
  /** Since when nobody is rung any more. */
  endedAt: Time.optional(),
  /** The one who rang took it back. */
  cancelled: z.literal(true).optional(),
  /** Of its latest event in the room's log: what is told with a lower number is older. */
  seq: Seq,
})
export type Ring = z.infer<typeof Ring>
