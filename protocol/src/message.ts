import { z } from 'zod'
import { Controls } from './control.ts'
import { ClientId, FileId, RoomId, Seq, Time, UserId } from './ids.ts'
import { jsonBytes, jsonValue, metadata, text } from './json.ts'
import { LIMITS } from './limits.ts'

export const MimeType = z
  .string()
  .max(127)
  .regex(/^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/, {
    message: 'must be a MIME type such as text/plain',
  })

export const TextPart = z.strictObject({ mime: MimeType, text: text(LIMITS.messageBytes) })
export const JsonPart = z.strictObject({ mime: MimeType, json: jsonValue(LIMITS.messageBytes, 'a part') })
/**
 * A file of the same room; what is shown before it is loaded travels with it: what the server knew of the file when the
 * message was sent, and of the rest what its sender said.
 */
export const FilePart = z.strictObject({
  mime: MimeType,
  fileId: FileId,
  name: text(LIMITS.fileNameChars).optional(),
  /** bytes */
  size: z.int().min(0).optional(),
  /** pixels */
  width: z.int().min(1).max(100_000).optional(),
  height: z.int().min(1).max(100_000).optional(),
  durationMs: z
    .int()
    .min(0)
    .max(7 * 24 * 3_600_000)
    .optional(),
  /** It was spoken for this message. */
  voice: z.literal(true).optional(),
})
export type FilePart = z.infer<typeof FilePart>
const PART_SHAPES =
  'must be {mime, text}, {mime, json} or {fileId, mime?, name?, size?, width?, height?, durationMs?, voice?}, with a mime such as text/plain'
export const MessagePart = z.union([TextPart, JsonPart, FilePart], { error: PART_SHAPES })
export type MessagePart = z.infer<typeof MessagePart>

/** What a file is as long as nobody has said anything else. */
const UNKNOWN = 'application/octet-stream'

/** As a sender writes it: of a file the server says what it is, whatever stands here. */
export const SentPart = z.union([TextPart, JsonPart, FilePart.extend({ mime: MimeType.default(UNKNOWN) })], {
  error: PART_SHAPES,
})
export type SentPart = z.input<typeof SentPart>

/** Users a message speaks to. Named by the sender: the server reads no text. */
export const Mentions = z.array(UserId).max(LIMITS.mentionsPerMessage)

/** What a sender writes: `text` is shorthand for one `text/plain` part. Markdown stays text; the server renders nothing. */
export const content = {
  text: text(LIMITS.messageBytes, 1).optional(),
  parts: z.array(SentPart).min(1).max(LIMITS.partsPerMessage).optional(),
  metadata: metadata.optional(),
  mentions: Mentions.optional(),
  /** Buttons and forms below it, in its order; of bots only. */
  controls: Controls.optional(),
}

/** What a new message may be beside its content. */
export const placement = {
  /** The message this one answers, quoted above it. */
  replyTo: Seq.optional(),
  /** The message whose thread this one is part of. */
  threadOf: Seq.optional(),
  /** Nobody is to be disturbed for it: it is not counted as unread. */
  silent: z.boolean().optional(),
  /** It deletes itself after this long. */
  ttlSeconds: z.int().min(LIMITS.messageTtlSecondsMin).max(LIMITS.messageTtlSecondsMax).optional(),
}

type Content = {
  text?: string | undefined
  parts?: readonly SentPart[] | undefined
  metadata?: unknown
  controls?: unknown
}

export const checkContent = (value: Content, ctx: z.RefinementCtx) => {
  // What has a fault already may be nested too deep to be measured.
  if (ctx.issues.length > 0) return
  if ((value.text === undefined) === (value.parts === undefined)) {
    ctx.addIssue({ code: 'custom', message: 'send either text or parts, not both and not neither' })
  }
  const { text, parts, controls } = value
  if (jsonBytes([text, parts, ...(controls ? [controls] : [])]) > LIMITS.messageBytes) {
    ctx.addIssue({ code: 'custom', message: `a message must be at most ${LIMITS.messageBytes} bytes` })
  }
}

/** Body of `message:send`. A retry carries the same `clientId` and gets the same event back. */
export const MessageSend = z
  .strictObject({ roomId: RoomId, clientId: ClientId, ...content, ...placement })
  .superRefine(checkContent)
export type MessageSend = z.infer<typeof MessageSend>

/** Body of `POST /v1/rooms/{id}/messages`. `sender` is for API keys; a user's token names its own user. */
export const MessagePost = z
  .strictObject({ sender: UserId.optional(), clientId: ClientId.optional(), ...content, ...placement })
  .superRefine(checkContent)
export type MessagePost = z.infer<typeof MessagePost>

/** Where a forwarded message was first said. Not the room: who reads this need not know of it. */
export const Forwarded = z.strictObject({ sender: UserId, at: Time })
export type Forwarded = z.infer<typeof Forwarded>

/** One emoji, or `:a-name:` of an app's own. */
export const Reaction = text(LIMITS.reactionChars, 1).regex(/^\S+$/u, { message: 'must not contain spaces' })

export const ReactionCount = z.strictObject({
  reaction: z.string(),
  count: z.int().min(1),
  /** The first who left it, up to LIMITS.reactionUsersListed. */
  userIds: z.array(UserId),
})
export type ReactionCount = z.infer<typeof ReactionCount>

/** A message as it is now: what its `message.created` event said, and what became of it. */
export const Message = z.strictObject({
  roomId: RoomId,
  seq: Seq,
  sender: UserId,
  clientId: ClientId.optional(),
  /** The text of the first `text/plain` part, for those who only want that. */
  text: z.string().optional(),
  /** Empty once deleted. */
  parts: z.array(MessagePart),
  metadata: metadata.optional(),
  mentions: z.array(UserId).optional(),
  controls: Controls.optional(),
  replyTo: Seq.optional(),
  threadOf: Seq.optional(),
  forwarded: Forwarded.optional(),
  silent: z.literal(true).optional(),
  expiresAt: Time.optional(),
  at: Time,
  editedAt: Time.optional(),
  deletedAt: Time.optional(),
  pinnedAt: Time.optional(),
  reactions: z.array(ReactionCount).optional(),
  /** Of a message that was answered in a thread. */
  thread: z.strictObject({ count: z.int().min(1), lastSeq: Seq }).optional(),
})
export type Message = z.infer<typeof Message>

/** What a message said before it was edited, oldest first; the last is what it says now. */
export const MessageVersion = z.strictObject({
  at: Time,
  parts: z.array(MessagePart),
  metadata: metadata.optional(),
  mentions: z.array(UserId).optional(),
  controls: Controls.optional(),
})
export type MessageVersion = z.infer<typeof MessageVersion>

/** A message that waits for its time. */
export const ScheduledMessage = z.strictObject({
  id: z.string(),
  roomId: RoomId,
  sender: UserId,
  sendAt: Time,
  parts: z.array(MessagePart),
  metadata: metadata.optional(),
  mentions: z.array(UserId).optional(),
  controls: Controls.optional(),
  replyTo: Seq.optional(),
  threadOf: Seq.optional(),
  silent: z.literal(true).optional(),
  ttlSeconds: z.int().optional(),
  /** Why it could not be sent at its time: its sender may not write there any more. */
  failed: z.string().optional(),
})
export type ScheduledMessage = z.infer<typeof ScheduledMessage>

/** The parts of what a sender wrote. */
export const partsOf = ({ text = '', parts }: Content): MessagePart[] =>
  parts?.map(part => ('fileId' in part ? { ...part, mime: part.mime ?? UNKNOWN } : part)) ?? [
    { mime: 'text/plain', text },
  ]

/** The text to show for a message where only text fits. */
export const textOf = (parts: readonly MessagePart[]): string | undefined => {
  for (const part of parts) if ('text' in part && part.mime === 'text/plain') return part.text
  return undefined
}
