import { z } from 'zod'
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
/** A file of the same room; what is shown before it is loaded travels with it. */
export const FilePart = z.strictObject({
  mime: MimeType,
  fileId: FileId,
  name: text(LIMITS.fileNameChars).optional(),
  /** bytes */
  size: z.int().min(0).optional(),
  /** pixels */
  width: z.int().min(1).max(100_000).optional(),
  height: z.int().min(1).max(100_000).optional(),
})
export const MessagePart = z.union([TextPart, JsonPart, FilePart], {
  error:
    'must be {mime, text}, {mime, json} or {mime, fileId, name?, size?, width?, height?}, with a mime such as text/plain',
})
export type MessagePart = z.infer<typeof MessagePart>

/** What a sender writes: `text` is shorthand for one `text/plain` part. */
const content = {
  text: text(LIMITS.messageBytes, 1).optional(),
  parts: z.array(MessagePart).min(1).max(LIMITS.partsPerMessage).optional(),
  metadata: metadata.optional(),
}

type Content = { text?: string | undefined; parts?: MessagePart[] | undefined; metadata?: unknown }

const checkContent = (value: Content, ctx: z.RefinementCtx) => {
  // What has a fault already may be nested too deep to be measured.
  if (ctx.issues.length > 0) return
  if ((value.text === undefined) === (value.parts === undefined)) {
    ctx.addIssue({ code: 'custom', message: 'send either text or parts, not both and not neither' })
  }
  if (jsonBytes([value.text, value.parts]) > LIMITS.messageBytes) {
    ctx.addIssue({ code: 'custom', message: `a message must be at most ${LIMITS.messageBytes} bytes` })
  }
}

/** Body of `message:send`. A retry carries the same `clientId` and gets the same event back. */
export const MessageSend = z
  .strictObject({ roomId: RoomId, clientId: ClientId, ...content })
  .superRefine(checkContent)
export type MessageSend = z.infer<typeof MessageSend>

/** Body of `POST /v1/rooms/{id}/messages`. `sender` is for API keys; a user's token names its own user. */
export const MessagePost = z
  .strictObject({ sender: UserId.optional(), clientId: ClientId.optional(), ...content })
  .superRefine(checkContent)
export type MessagePost = z.infer<typeof MessagePost>

/** A message as lists of messages show it; the same facts as its `message.created` event. */
export const Message = z.strictObject({
  roomId: RoomId,
  seq: Seq,
  sender: UserId,
  clientId: ClientId.optional(),
  /** The text of the first `text/plain` part, for those who only want that. */
  text: z.string().optional(),
  parts: z.array(MessagePart),
  metadata: metadata.optional(),
  at: Time,
})
export type Message = z.infer<typeof Message>

/** The parts of what a sender wrote. */
export const partsOf = (value: Content): MessagePart[] =>
  value.parts ?? [{ mime: 'text/plain', text: value.text ?? '' }]

/** The text to show for a message where only text fits. */
export const textOf = (parts: readonly MessagePart[]): string | undefined => {
  for (const part of parts) if ('text' in part && part.mime === 'text/plain') return part.text
  return undefined
}
