import { z } from 'zod'
import { FileId, RoomId, Seq, Time, UserId } from './ids.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'
import { FilePart, MimeType } from './message.ts'

/**
 * How far a file has come. `checking`: it arrived; its bytes are counted, and scanned where there is a scanner: nobody gets
 * them yet. `processing`: it can be downloaded, and what is made of it follows. `ready`. `failed`: nothing could be made of
 * it, `reason` says why; it is offered for saving as it came. `quarantined`: a scanner found harm in it, or
 * looks at no file of that size; nobody gets it.
 */
export const FileState = z.enum(['checking', 'processing', 'ready', 'failed', 'quarantined'])
export type FileState = z.infer<typeof FileState>

/**
 * What is made of a file. `thumb…`: WebP of at most so many pixels, of a picture, of a video's poster or of a document's
 * first page. `video` and `videoSmall`: MP4 (H.264, AAC) of at most 1080 and 480 lines. `storyboard`: WebP of frames in a
 * grid, for scrubbing. `audio`: M4A (AAC); `opus`: the same as Ogg.
 */
export const DerivativeName = z.enum([
  'thumb128',
  'thumb512',
  'thumb1600',
  'video',
  'videoSmall',
  'storyboard',
  'audio',
  'opus',
])
export type DerivativeName = z.infer<typeof DerivativeName>

/** What a file is to people. */
export const FileKind = z.enum(['picture', 'video', 'audio', 'document', 'other'])
export type FileKind = z.infer<typeof FileKind>

const DOCUMENT =
  /^application\/(pdf|rtf|msword|epub\+zip|vnd\.(ms-(excel|powerpoint|word)|openxmlformats-officedocument|oasis\.opendocument))|^text\//
const KINDS_BY_TYPE = { image: 'picture', video: 'video', audio: 'audio' } as const

/** The kind of a file by its MIME type. */
export const fileKindOf = (mime: string): FileKind => {
  const type = mime.slice(0, mime.indexOf('/'))
  if (Object.hasOwn(KINDS_BY_TYPE, type)) return KINDS_BY_TYPE[type as keyof typeof KINDS_BY_TYPE]
  return DOCUMENT.test(mime) ? 'document' : 'other'
}

/** A file as lists of a room show it: what it is, and the latest message that names it, or the event that says that a recording is ready. */
export const RoomFile = FilePart.required({ name: true, size: true }).extend({
  kind: FileKind,
  /** The message, or the event. */
  seq: Seq,
  /** Of a recording: who started it. */
  sender: UserId,
  at: Time,
  threadOf: Seq.optional(),
})
export type RoomFile = z.infer<typeof RoomFile>

/** What can be downloaded of a file: itself, and what was made of it. */
export const VariantName = z.enum(['original', ...DerivativeName.options])
export type VariantName = z.infer<typeof VariantName>

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, { message: 'must be a SHA-256 in hex' })

export const Derivative = z.strictObject({
  name: DerivativeName,
  mime: MimeType,
  /** bytes */
  size: z.int().min(0),
  sha256: Sha256,
  /** pixels */
  width: z.int().optional(),
  height: z.int().optional(),
})
export type Derivative = z.infer<typeof Derivative>

/** How the frames lie in a storyboard: row by row, one for every `everyMs` of the video. */
export const Storyboard = z.strictObject({
  columns: z.int(),
  rows: z.int(),
  frames: z.int(),
  /** pixels of one frame */
  width: z.int(),
  height: z.int(),
  everyMs: z.int(),
})
export type Storyboard = z.infer<typeof Storyboard>

/** What was found out about a file's content. */
export const FileDetails = z.strictObject({
  /** pixels, as it is seen: after its orientation was applied */
  width: z.int().optional(),
  height: z.int().optional(),
  durationMs: z.int().min(0).optional(),
  /** A picture that moves. */
  animated: z.literal(true).optional(),
  /** Of a document. */
  pages: z.int().min(1).optional(),
  /** ThumbHash in base64: what to show until the thumbnail is there. https://evanw.github.io/thumbhash */
  placeholder: z.string().optional(),
  /** `#rrggbb`, the one that dominates. */
  color: z.string().optional(),
  /** Loudness over the whole length, 0 to 100. */
  waveform: z.array(z.int().min(0).max(100)).optional(),
  storyboard: Storyboard.optional(),
})
export type FileDetails = z.infer<typeof FileDetails>

/** A file of a room. What it is was decided by its bytes, not by its name. */
export const StoredFile = z.strictObject({
  id: FileId,
  roomId: RoomId,
  uploader: UserId,
  name: text(LIMITS.fileNameChars),
  mime: MimeType,
  /** bytes */
  size: z.int().min(0),
  state: FileState,
  /** Why it failed or was quarantined, for people. */
  reason: z.string().optional(),
  ...FileDetails.shape,
  derivatives: z.array(Derivative),
  createdAt: Time,
})
export type StoredFile = z.infer<typeof StoredFile>

/**
 * A file with addresses that need no token, for `<img>` and `<video>`: each good for one variant of this file, for who asked,
 * until `linksExpireAt`, and only as long as that user may read the file.
 */
export const LinkedFile = StoredFile.extend({
  /** Paths on this server, by variant. */
  links: z.partialRecord(VariantName, z.string()),
  linksExpireAt: Time,
})
export type LinkedFile = z.infer<typeof LinkedFile>

/** Where files are uploaded by tus 1.0: https://tus.io/protocols/resumable-upload */
export const UPLOADS_PATH = '/v1/uploads'
/** Where signed links lead: nothing there ever runs script. */
export const LINKED_FILES_PATH = '/files'
export const AVATARS_PATH = '/avatars'

const fileName = text(LIMITS.fileNameChars, 1).optional()

/**
 * What a tus client sends as `Upload-Metadata` when it creates an upload: the room and the name, which many libraries call
 * `filename`. Where both are there, as Uppy sends them, `name` it is. Libraries add fields of their own.
 */
export const UploadMetadata = z
  .object({ roomId: RoomId, name: fileName, filename: fileName })
  .transform(({ roomId, name, filename }, context) => {
    const named = name ?? filename
    if (named !== undefined) return { roomId, name: named }
    const message = 'Send the name of the file in base64 as name, or as filename'
    context.addIssue({ code: 'custom', path: ['name'], message })
    return z.NEVER
  })
export type UploadMetadata = z.infer<typeof UploadMetadata>
