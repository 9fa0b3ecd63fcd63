import { z } from 'zod'
import { EVENTS, type EventType, RoomEvent } from './events.ts'
import { RoomId, Seq, Time, WebhookId } from './ids.ts'
import { record, text } from './json.ts'
import { LIMITS } from './limits.ts'
import { Cursor, PageLimit } from './page.ts'
import { RoomKind, RoomTitle } from './room.ts'

const TYPES: ReadonlySet<string> = new Set(Object.keys(EVENTS))
/** What stands before the dot of a type: `message.*` is all of them. */
const FAMILIES: ReadonlySet<string> = new Set(Object.keys(EVENTS).map(type => type.split('.')[0] ?? ''))

/** A type of events, or a family of them: `message.created`, `message.*`. */
export const EventPattern = z
  .string()
  .refine(pattern => TYPES.has(pattern) || (pattern.endsWith('.*') && FAMILIES.has(pattern.slice(0, -2))), {
    message: 'must be a type of events such as message.created, or all of a family such as message.*',
  })

const Simple = z.union([text(LIMITS.webhookFilterChars), z.number(), z.boolean()])

/** Which events somebody wants; what is left out narrows nothing. */
export const eventFilter = {
  types: z.array(EventPattern).min(1).max(LIMITS.webhookTypes).optional(),
  roomIds: z.array(RoomId).min(1).max(LIMITS.webhookRooms).optional(),
  /** The room's metadata has each of these, with this value. */
  metadata: record(text(LIMITS.webhookFilterChars, 1), Simple)
    .refine(metadata => Object.keys(metadata).length <= LIMITS.webhookMetadata, {
      message: `must have at most ${LIMITS.webhookMetadata} keys`,
    })
    .optional(),
}
export const EventFilter = z.strictObject(eventFilter)
export type EventFilter = z.infer<typeof EventFilter>

export const WebhookUrl = z
  .url({ protocol: /^https?$/, message: 'must be an address with http or https' })
  .max(LIMITS.urlChars)

/** What can be said of an endpoint from outside. */
const settings = {
  url: WebhookUrl,
  description: text(LIMITS.descriptionChars).optional(),
  ...eventFilter,
}

/** Body of `POST /v1/webhooks`. */
export const WebhookPost = z.strictObject(settings)
export type WebhookPost = z.infer<typeof WebhookPost>

/** Body of `PATCH /v1/webhooks/{id}`: what is left out stays, null takes a filter away. */
export const WebhookChanges = z.strictObject({
  url: WebhookUrl.optional(),
  description: text(LIMITS.descriptionChars).optional(),
  types: eventFilter.types.nullable(),
  roomIds: eventFilter.roomIds.nullable(),
  metadata: eventFilter.metadata.nullable(),
  paused: z.boolean().optional(),
})
export type WebhookChanges = z.infer<typeof WebhookChanges>

/** An address of an app's own that is told of events. */
export const Webhook = z.strictObject({
  id: WebhookId,
  ...settings,
  paused: z.boolean(),
  createdAt: Time,
  /** Everything before was delivered, or waits in its room. */
  cursor: Cursor,
  /** Rooms in which an event could not be delivered yet: what came after it there waits. */
  waitingRooms: z.int(),
  deadLetters: z.int(),
  /** Since when something is not taken, why, and when it is tried next: nothing at all, or else what has waited longest in a room. */
  failing: z.strictObject({ since: Time, reason: z.string(), retryAt: Time }).optional(),
  /** The secret before this one is signed with as well, until then. */
  previousSecretUntil: Time.optional(),
})
export type Webhook = z.infer<typeof Webhook>

/** Shown when it is made, and never again. */
const secret = { secret: z.string() }
export const CreatedWebhook = Webhook.extend(secret)
export type CreatedWebhook = z.infer<typeof CreatedWebhook>
export const RotatedSecret = z.strictObject({ ...secret, previousSecretUntil: Time })
export type RotatedSecret = z.infer<typeof RotatedSecret>

/** What an app needs to know of the room of an event. */
export const EventRoom = z.strictObject({
  id: RoomId,
  kind: RoomKind,
  title: RoomTitle,
  metadata: z.record(z.string(), z.json()),
})

/** An event as it leaves the server: in the body of a webhook, and in `GET /v1/events`. */
export const OutgoingEvent = z.strictObject({
  /** The same each time this event is sent; also in the header `webhook-id`. */
  id: z.string(),
  type: z.enum(Object.keys(EVENTS) as [EventType, ...EventType[]]),
  /** When it happened. */
  timestamp: Time,
  data: RoomEvent,
  room: EventRoom,
})
export type OutgoingEvent = z.infer<typeof OutgoingEvent>

/** From where on events are sent again. */
export const ReplayRequest = z.union(
  [z.strictObject({ cursor: Cursor }), z.strictObject({ since: Time })],
  'must name a cursor or a time, and not both',
)
export type ReplayRequest = z.infer<typeof ReplayRequest>

/** One time that an event was sent, and what became of it. */
export const WebhookAttempt = z.strictObject({
  eventId: z.string(),
  /** Of a test: no event of a room. */
  roomId: RoomId.optional(),
  seq: Seq.optional(),
  at: Time,
  /** Until the answer was there, ms. */
  latencyMs: z.int().min(0),
  delivered: z.boolean(),
  request: z.strictObject({ url: z.string(), headers: z.record(z.string(), z.string()), body: z.string() }),
  /** Absent when none came. */
  response: z.strictObject({ status: z.int(), body: z.string() }).optional(),
  /** Why it counts as not delivered, for people. */
  problem: z.string().optional(),
})
export type WebhookAttempt = z.infer<typeof WebhookAttempt>

/** An event that was tried for LIMITS.webhookGiveUpMs, and is not any more. */
export const DeadLetter = z.strictObject({
  event: OutgoingEvent,
  firstAttemptAt: Time,
  gaveUpAt: Time,
  attempts: z.int(),
  problem: z.string(),
})
export type DeadLetter = z.infer<typeof DeadLetter>

const list = z.string().transform(names => names.split(','))

/** Query of `GET /v1/events`, as text. */
export const EventsQuery = z.strictObject({
  /** From the answer before; without it, what happens from now on. */
  cursor: Cursor.optional(),
  types: list.pipe(z.array(EventPattern).min(1).max(LIMITS.webhookTypes)).optional(),
  roomIds: list.pipe(z.array(RoomId).min(1).max(LIMITS.webhookRooms)).optional(),
  limit: z.coerce.number().pipe(PageLimit).default(LIMITS.pageSizeDefault),
  /** How long to wait for the first event where there is none. */
  waitSeconds: z.coerce.number().pipe(z.int().min(0).max(LIMITS.eventsWaitSeconds)).default(0),
})
export type EventsQuery = z.infer<typeof EventsQuery>

export const EventsAnswer = z.strictObject({
  data: z.array(OutgoingEvent),
  /** To ask with the next time, also where nothing came. */
  cursor: Cursor,
})
export type EventsAnswer = z.infer<typeof EventsAnswer>

/** Whether somebody wants this event. */
export const isWanted = (
  { types, roomIds, metadata }: EventFilter,
  event: { type: EventType; roomId: string },
  roomMetadata: Readonly<Record<string, unknown>>,
): boolean => {
  if (roomIds && !roomIds.includes(event.roomId)) return false
  if (types && !types.some(pattern => pattern === event.type || isOfFamily(pattern, event.type))) return false
  return Object.entries(metadata ?? {}).every(
    ([key, value]) => Object.hasOwn(roomMetadata, key) && roomMetadata[key] === value,
  )
}

const isOfFamily = (pattern: string, type: EventType): boolean =>
  pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1))
