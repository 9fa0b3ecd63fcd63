import { z } from 'zod'
import { CallId, RingId, RoomId, Time, UserId } from './ids.ts'
import { RingMedia } from './ring.ts'
import { User } from './user.ts'

/**
 * What became of a call, for who asks: whoever was rung sees `missed` where the one who rang sees `cancelled` or
 * `missed`. A call nobody was rung for counts as answered; `userIds` says who was in it.
 */
export const CallOutcome = z.enum(['answered', 'missed', 'declined', 'cancelled', 'ongoing'])
export type CallOutcome = z.infer<typeof CallOutcome>

/** A call, with the ring it began with; or a ring that no call came of. */
export const CallRecord = z.strictObject({
  roomId: RoomId,
  callId: CallId.optional(),
  ringId: RingId.optional(),
  /** Of the ring. */
  media: RingMedia.optional(),
  /** Who rang. */
  from: User.optional(),
  outcome: CallOutcome,
  startedAt: Time,
  /** Of a call that is over. */
  durationMs: z.int().min(0).optional(),
  /** Who took part, once it is over; of a ring without a call, who was rung. At most LIMITS.usersPerRequest. */
  userIds: z.array(UserId),
})
export type CallRecord = z.infer<typeof CallRecord>
