import { z } from 'zod'
import { Call } from './call.ts'
import { CallRole } from './call-rights.ts'
import { ParticipantId, Time, UserId } from './ids.ts'
import { CallStanding } from './sfu-moderation.ts'

/** In Redis: which SFU process has which room, as one hash; an empty one has none, and its call waits for one. */
export const SFU_HOMES = 'trunkline:sfu:homes'

/** In Redis: what is needed to go on with a room's call. */
export const checkpointKey = (roomId: string): string => `trunkline:sfu:call:${roomId}`

/**
 * What another SFU process needs to go on with a call: who is in it, what they published, what was decided at its door.
 * No media: these end with the process, and clients bring others when they resume.
 */
export const CallCheckpoint = z.object({
  /** With everybody in it. */
  call: Call,
  /** What is not told of those in it. Streams that nobody speaks for but their transport are not among them. */
  people: z.array(
    z.object({
      id: ParticipantId,
      /** SHA-256 of its resume key, base64url. */
      keyHash: z.string(),
      connectionId: z.string(),
      standing: CallStanding,
      asOf: z.int().min(0),
      lastN: z.int().min(0).optional(),
    }),
  ),
  /** Everybody who was ever in it. */
  userIds: z.array(UserId),
  door: z.object({
    lobbyAsOf: z.int().min(0),
    admitted: z.array(UserId),
    seen: z.array(UserId),
    removed: z.array(UserId),
    roles: z.array(z.object({ userId: UserId, role: CallRole, rank: z.int().min(0) })),
    /** Until then the call goes on though nobody is in it. */
    keptUntil: Time.optional(),
  }),
})
export type CallCheckpoint = z.infer<typeof CallCheckpoint>
