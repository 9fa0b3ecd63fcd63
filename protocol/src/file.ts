import { z } from 'zod'
import { FileId, RoomId, Time, UserId } from './ids.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'
import { MimeType } from './message.ts'

/** A file of a room. What it is was decided by its bytes, not by its name. */
export const StoredFile = z.strictObject({
  id: FileId,
  roomId: RoomId,
  uploader: UserId,
  name: text(LIMITS.fileNameChars),
  mime: MimeType,
  /** bytes */
  size: z.int().min(0),
  /** pixels, for pictures */
  width: z.int().optional(),
  height: z.int().optional(),
  /** Whether `GET /v1/files/{id}/thumbnail` has one. */
  thumbnail: z.boolean(),
  createdAt: Time,
})
export type StoredFile = z.infer<typeof StoredFile>
