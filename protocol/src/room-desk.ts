import { z } from 'zod'
import { FileDetails } from './file.ts'
import { FileId, RoomId, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { MimeType } from './message.ts'
import { RecordingNews } from './recording.ts'
import { Role } from './room.ts'
import { StreamNews } from './stream.ts'

/** What media has to say of a file: to those who have its room open, and, but for progress, in the log of its room. */
export const FileNews = z.discriminatedUnion('type', [
  /** 0 to 1 */
  z.strictObject({ type: z.literal('progress'), roomId: RoomId, fileId: FileId, progress: z.number() }),
  z.strictObject({
    type: z.literal('ready'),
    roomId: RoomId,
    fileId: FileId,
    mime: MimeType,
    ...FileDetails.pick({ width: true, height: true, durationMs: true }).shape,
  }),
  z.strictObject({
    type: z.literal('failed'),
    roomId: RoomId,
    fileId: FileId,
    reason: z.string(),
    quarantined: z.literal(true).optional(),
  }),
  /** Who deleted it. */
  z.strictObject({ type: z.literal('deleted'), roomId: RoomId, fileId: FileId, userId: UserId }),
])
export type FileNews = z.infer<typeof FileNews>

/** A file and the room it is of, as media knows it. */
export const HomedFile = z.strictObject({ fileId: FileId, roomId: RoomId })
export type HomedFile = z.infer<typeof HomedFile>

const Token = z.string().max(LIMITS.tokenChars)

/** Whom an API key acts for. */
const sender = UserId.optional()

/** Whoever presents a bearer token, or a user whose name a signed link carries. */
export const Reader = z.union([z.strictObject({ token: Token, sender }), z.strictObject({ userId: UserId })])
export type Reader = z.infer<typeof Reader>

/** Whose picture it is. */
export const AvatarOwner = z.union([z.strictObject({ roomId: RoomId }), z.strictObject({ userId: UserId })])
export type AvatarOwner = z.infer<typeof AvatarOwner>

/**
 * What media asks signalling and tells it: the counterpart of FileShelf. In one process it is signalling's own object; else
 * it is spoken over HTTP under DESK_PATH, with the installation's link secret as bearer token.
 */
export interface RoomDesk {
  /**
   * @param token a user's own bearer token, or an API key
   * @param sender the user an API key acts for, who has the user's own rights and no more
   * @throws TrunklineError `token_*`; `forbidden` for an API key that names no sender and a user who names another;
   *   `room_not_found` when the user is not in the room
   */
  roleOf(token: string, roomId: string, sender?: string): Promise<{ userId: string; role: Role }>
  /**
   * Which of these files somebody may read now: those of rooms it is in, and those forwarded to one. Never rejects for what
   * may not be read: it is left out.
   * @throws TrunklineError `token_*`; about `sender` as {@link roleOf}
   */
  readable(reader: Reader, files: readonly HomedFile[]): Promise<{ userId: string; fileIds: string[] }>
  /**
   * Whether the caller may change this avatar, asked before anything is read.
   * @throws TrunklineError `token_*`, `forbidden`, `room_not_found`, `not_found`
   */
  assertMaySetAvatar(token: string, owner: AvatarOwner): Promise<void>
  /**
   * Makes a path the avatar of a room or user, with the rights of who presents the token; null takes it away.
   * @returns the one it had before
   */
  setAvatar(token: string, owner: AvatarOwner, avatar: string | null): Promise<{ previous: string | null }>
  /**
   * Once it resolves what is lasting of it is in the log. The same again changes nothing; a room that is not there any more
   * is no error.
   */
  tell(news: FileNews): Promise<void>
  /**
   * As {@link tell}, of a recording.
   * @throws TrunklineError `room_not_found` when its room was deleted: nothing of it is to be kept
   */
  tellRecording(news: RecordingNews): Promise<void>
  /** As {@link tell}, of a stream. */
  tellStream(news: StreamNews): Promise<void>
}

/** Where signalling serves its desk to media processes: `POST /internal/desk/<name>`, one for each of DESK_CALLS. */
export const DESK_PATH = '/internal/desk'
/** A header of all that the desk itself answers: a `forbidden` without it is about the secret of whoever asked. */
export const DESK_HEADER = 'Trunkline-Desk'

/**
 * What is sent to the desk as JSON, and what it answers with: the arguments of RoomDesk's methods, by their names. Answers may
 * have more fields in another version.
 */
export const DESK_CALLS = {
  roleOf: {
    request: z.strictObject({ token: Token, roomId: RoomId, sender }),
    response: z.object({ userId: UserId, role: Role }),
  },
  readable: {
    request: z.strictObject({ reader: Reader, files: z.array(HomedFile).max(LIMITS.filesPerRequest) }),
    response: z.object({ userId: UserId, fileIds: z.array(FileId) }),
  },
  assertMaySetAvatar: {
    request: z.strictObject({ token: Token, owner: AvatarOwner }),
    response: z.object({}),
  },
  setAvatar: {
    request: z.strictObject({
      token: Token,
      owner: AvatarOwner,
      avatar: z.string().max(LIMITS.urlChars).nullable(),
    }),
    response: z.object({ previous: z.string().nullable() }),
  },
  tell: { request: z.strictObject({ news: FileNews }), response: z.object({}) },
  tellRecording: { request: z.strictObject({ news: RecordingNews }), response: z.object({}) },
  tellStream: { request: z.strictObject({ news: StreamNews }), response: z.object({}) },
} as const satisfies Record<keyof RoomDesk, { request: z.ZodType; response: z.ZodType }>
