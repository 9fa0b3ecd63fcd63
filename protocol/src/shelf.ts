import { z } from 'zod'
import { StoredFile } from './file.ts'
import { FileId, RoomId, Time, UserId } from './ids.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'
import { MimeType } from './message.ts'
import type { RecordingOrder } from './recording.ts'
import type { AvatarOwner } from './room-desk.ts'
import type { StreamOrder } from './stream.ts'

/** A file as it is carried from one installation to another. */
export const ShelfFile = z.strictObject({
  // Smaller than a file's id elsewhere: it becomes part of a path of the store.
  id: FileId.regex(/^[a-z0-9_-]+$/, { message: 'must be the id of a file, such as file_0f3c' }),
  roomId: RoomId,
  uploader: UserId,
  name: text(LIMITS.fileNameChars, 1),
  mime: MimeType,
  /** bytes */
  size: z.int().min(0),
  /** hex */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, { message: 'must be a SHA-256 in hex' }),
  createdAt: Time,
})
export type ShelfFile = z.infer<typeof ShelfFile>

export type ShelfQuery = {
  roomId?: string | undefined
  uploader?: string | undefined
  after?: string | undefined
}
/** Of which room a file is, and what it is: by its first bytes until all of them are known. */
export const FileHome = z.object({
  id: FileId,
  roomId: RoomId,
  ...StoredFile.pick({
    uploader: true,
    name: true,
    mime: true,
    size: true,
    width: true,
    height: true,
    durationMs: true,
  }).shape,
})
export type FileHome = z.infer<typeof FileHome>
type Bytes = AsyncIterable<Uint8Array>

/**
 * What signalling asks of media: of which rooms the files are that a message names, and, for its jobs, to read and write
 * files as the server, whoever they belong to, and to keep the parts of what a job writes or reads. In one process it is media's own object; else it is spoken over HTTP under
 * SHELF_PATH, with the installation's link secret as bearer token.
 */
export interface FileShelf {
  /** Files of a room or by an uploader, in the order of their ids, those after `after`; at most a hundred. */
  list(query: ShelfQuery): Promise<ShelfFile[]>
  /** Those of these files that are there; at most LIMITS.filesPerRequest are asked for. */
  homesOf(ids: readonly string[]): Promise<FileHome[]>
  /** @throws TrunklineError `not_found` */
  read(id: string): Promise<Bytes>
  /**
   * Restores a file under its own id. The same one again changes nothing.
   * @throws TrunklineError `conflict` when the id is another file's; `invalid_request` when the bytes are not what size
   *   and sha256 say; `too_large`
   */
  write(file: ShelfFile, body: Bytes): Promise<void>
  /** One that is not there is no error. */
  delete(id: string): Promise<void>
  /** Takes away the avatars of a room or a user: all of them, or the one that had this path. */
  removeAvatars(owner: AvatarOwner, path?: string): Promise<void>
  /** Makes another the uploader of everything somebody uploaded. */
  reassign(from: string, to: string): Promise<void>
  /** Stores a part of a job, replacing one of the same number. */
  putPart(jobId: string, n: number, bytes: Uint8Array): Promise<void>
  /** @param range first and last byte, both included */
  readPart(jobId: string, n: number, range?: { start: number; end: number }): Promise<Bytes>
  deleteParts(jobId: string): Promise<void>
  /** Has a film made of what was kept of a call. Once it resolves it will be, and the room told; asked again, it is done once. */
  compose(order: RecordingOrder): Promise<void>
  /**
   * Has a call shown live from its parts, as they come. Asked again, it is done once.
   * @returns the path of its HLS playlist, where it has one
   * @throws TrunklineError `limit_reached` when so many are shown already; `forbidden` for an RTMP address that is not
   *   public; `unavailable` where there is no ffmpeg
   */
  stream(order: StreamOrder): Promise<{ playlist?: string }>
}

/** Where media serves its shelf to signalling processes. */
export const SHELF_PATH = '/internal/shelf'
