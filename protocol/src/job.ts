import { z } from 'zod'
import { JobId, RoomId, Time, UserId } from './ids.ts'

/** Long work on data: it survives restarts, says how far it is, and can be stopped. */
export const Job = z.strictObject({
  id: JobId,
  kind: z.enum(['roomExport', 'userExport', 'import', 'userDeletion']),
  roomId: RoomId.optional(),
  userId: UserId.optional(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
  /** Steps done and in all: events, files. `total` may grow. */
  done: z.int().min(0),
  total: z.int().min(0),
  /** What it is doing, or why it failed, for people. */
  detail: z.string(),
  createdAt: Time,
  /** Of an export: until when its content can be fetched. */
  expiresAt: Time.optional(),
})
export type Job = z.infer<typeof Job>
