import { z } from 'zod'
import { Locale } from './device.ts'
import { Position, RingId, RoomId, Seq, Time, UserId } from './ids.ts'
import { record, text } from './json.ts'
import { LIMITS } from './limits.ts'
import { RingMedia } from './ring.ts'

/**
 * What users are told of while away. `ring.ended` is a call they missed; `ring.stopped` takes a ring back that was answered
 * elsewhere, and shows nothing; `digest` is how much there is to read.
 */
export const PushType = z.enum([
  'message.created',
  'member.invited',
  'ring.started',
  'ring.ended',
  'ring.stopped',
  'digest',
])
export type PushType = z.infer<typeof PushType>

/** Those that say something. */
export const TemplateType = PushType.exclude(['ring.stopped'])
export type TemplateType = z.infer<typeof TemplateType>

/** What may stand between `{{` and `}}` in a template, by type. */
export const PLACEHOLDERS = {
  'message.created': ['from', 'sender.name', 'room.title', 'message.text', 'unread'],
  'member.invited': ['from', 'sender.name', 'room.title', 'unread'],
  'ring.started': ['from', 'sender.name', 'room.title', 'media', 'unread'],
  'ring.ended': ['from', 'sender.name', 'room.title', 'media', 'unread'],
  digest: ['unread', 'mentions'],
} as const satisfies Record<TemplateType, readonly string[]>

/** What a device is sent, as JSON. With content `ids` it has neither title nor body, nor who it is from. */
export const PushMessage = z.strictObject({
  type: PushType,
  /** Of the same tag only the latest counts: it takes the place of the one before. */
  tag: z.string(),
  roomId: RoomId.optional(),
  /** Of the event. */
  seq: Seq.optional(),
  ringId: RingId.optional(),
  media: RingMedia.optional(),
  /** Who did it. (`from` is a word that FCM keeps to itself.) */
  sender: UserId.optional(),
  /** When a ring is over. */
  expiresAt: Time.optional(),
  /** Unread over all rooms. */
  badge: Position,
  title: z.string().optional(),
  body: z.string().optional(),
})
export type PushMessage = z.infer<typeof PushMessage>

const words = {
  title: text(LIMITS.templateTitleChars, 1),
  body: text(LIMITS.templateBodyChars),
}

/** What is said of events of a type in a language. */
export const PushTemplate = z.strictObject({ type: TemplateType, locale: Locale, ...words })
export type PushTemplate = z.infer<typeof PushTemplate>

/** Query of `DELETE /v1/push/templates`. */
export const TemplateQuery = z.strictObject({ type: TemplateType, locale: Locale })

/** Body of `POST /v1/push/templates/preview`: a template as it would be, or without words the one that is used for the language. */
export const TemplatePreview = z.strictObject({
  type: TemplateType,
  locale: Locale,
  title: words.title.optional(),
  body: words.body.optional(),
  /** In place of the examples. */
  values: record(z.string().max(LIMITS.templateTitleChars), text(LIMITS.templateBodyChars)).optional(),
})
export type TemplatePreview = z.infer<typeof TemplatePreview>

export const RenderedTemplate = z.strictObject({ locale: Locale, title: z.string(), body: z.string() })
export type RenderedTemplate = z.infer<typeof RenderedTemplate>
