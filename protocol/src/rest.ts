import { z } from 'zod'
import { Bot, BotChanges, BotCommands, BotPost, CreatedBot, RotatedToken } from './bot.ts'
import { IceServer } from './call.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { RoomEvent } from './events.ts'
import { LinkedFile, StoredFile, VariantName } from './file.ts'
import { FileId, JobId, Position, RoomId, UserId, WebhookId } from './ids.ts'
import { RemovedStretch } from './inbox.ts'
import { HookAnswer, HookToken } from './incoming-hook.ts'
import { Job } from './job.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'
import { Message, MessagePost } from './message.ts'
import { PageLimit, page, paging } from './page.ts'
import { PushTemplate, RenderedTemplate, TemplatePreview, TemplateQuery } from './push.ts'
import { DrainRequest, SfuOverview } from './sfu-drain.ts'
import { DemoTokenRequest, GuestTokenRequest, TokenRequest } from './token.ts'
import { RelaysRevoked, TurnOverview } from './turn.ts'
import { IssuedToken } from './user.ts'
import {
  CreatedWebhook,
  DeadLetter,
  EventsAnswer,
  EventsQuery,
  ReplayRequest,
  RotatedSecret,
  Webhook,
  WebhookAttempt,
  WebhookChanges,
  WebhookPost,
} from './webhook.ts'

/** `application/problem+json` (RFC 9457) with `code` for programs and `requestId` for the log. */
export const Problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  detail: z.string(),
  requestId: z.string(),
  issues: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  retryAfterMs: z.number().optional(),
  limit: z.number().optional(),
})
export type Problem = z.infer<typeof Problem>

/** Who may call a route: an API key, a user's token, or anybody. */
export type Caller = 'key' | 'user' | 'anyone'

type Route = {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  path: string
  summary: string
  callers: readonly Caller[]
  params?: z.ZodObject
  query?: z.ZodObject
  /** JSON body, or the name of the media type of a raw one. */
  body?: z.ZodType | 'bytes'
  response: z.ZodType | 'bytes'
  status: 200 | 201
}

const room = z.object({ id: RoomId })
const file = z.object({ id: FileId })
const job = z.object({ id: JobId })
const user = z.object({ id: UserId })
const webhook = z.object({ id: WebhookId })
const bot = z.object({ id: UserId })
const FileIds = z
  .string()
  .transform(ids => ids.split(','))
  .pipe(z.array(FileId).min(1).max(LIMITS.filesPerRequest))
/** In whose name an API key sends and reads files: with the rights of that user. */
const inTheName = { sender: UserId.optional() }
const AvatarId = z.string().regex(/^[0-9a-f]{32}$/, { message: 'must be the id of an avatar' })
/** The path of the avatar as it is now; null when there is none. */
const AvatarAnswer = z.strictObject({ avatar: z.string().nullable() })

/**
 * REST routes beside those of OPERATIONS: tokens, bytes, and those whose socket request answers in another shape
 * (`message:send` and `room:sync`, which clients put into their copy of the log).
 */
export const ROUTES = {
  createToken: {
    method: 'post',
    path: '/v1/tokens',
    summary: 'Mint a token for a user of your app',
    callers: ['key'],
    body: TokenRequest,
    response: IssuedToken,
    status: 201,
  },
  createGuestToken: {
    method: 'post',
    path: '/v1/guest-tokens',
    summary: 'Come into a room as a guest',
    callers: ['anyone'],
    body: GuestTokenRequest,
    response: IssuedToken,
    status: 201,
  },
  createDemoToken: {
    method: 'post',
    path: '/v1/demo-tokens',
    summary:
      'Try messaging out as a new user, in the channel where everybody does. Only on a server that runs the demo',
    callers: ['anyone'],
    body: DemoTokenRequest,
    response: IssuedToken,
    status: 201,
  },
  createMessage: {
    method: 'post',
    path: '/v1/rooms/{id}/messages',
    summary: 'Send a message',
    callers: ['key', 'user'],
    params: room,
    body: MessagePost,
    response: Message,
    status: 201,
  },
  listEvents: {
    method: 'get',
    path: '/v1/rooms/{id}/events',
    summary: 'The log of a room after a position, ascending',
    callers: ['key', 'user'],
    params: room,
    query: z.strictObject({
      ...paging,
      limit: z.coerce.number().pipe(PageLimit).default(LIMITS.pageSizeDefault),
      after: z.coerce.number().pipe(Position).default(0),
    }),
    /** `removed`: what retention took out of what was asked for. */
    response: page(RoomEvent).extend({ removed: RemovedStretch.optional() }),
    status: 200,
  },
  listIceServers: {
    method: 'get',
    path: '/v1/ice-servers',
    summary: 'STUN and TURN servers with credentials that expire',
    callers: ['key', 'user'],
    response: z.strictObject({ iceServers: z.array(IceServer), expiresAt: z.string() }),
    status: 200,
  },
  pollEvents: {
    method: 'get',
    path: '/v1/events',
    summary:
      'Events of all rooms after a cursor, those of a room in their order; waits for the first if asked to. With `Accept: text/event-stream` it goes on as Server-Sent Events, each with its cursor as id',
    callers: ['key'],
    query: EventsQuery,
    response: EventsAnswer,
    status: 200,
  },
  createWebhook: {
    method: 'post',
    path: '/v1/webhooks',
    summary:
      'Have events sent to an address of your own, from now on. The secret they are signed with is shown once',
    callers: ['key'],
    body: WebhookPost,
    response: CreatedWebhook,
    status: 201,
  },
  listWebhooks: {
    method: 'get',
    path: '/v1/webhooks',
    summary: 'All webhooks, the oldest first',
    callers: ['key'],
    response: z.strictObject({ data: z.array(Webhook) }),
    status: 200,
  },
  getWebhook: {
    method: 'get',
    path: '/v1/webhooks/{id}',
    summary: 'A webhook, and how far it is',
    callers: ['key'],
    params: webhook,
    response: Webhook,
    status: 200,
  },
  updateWebhook: {
    method: 'patch',
    path: '/v1/webhooks/{id}',
    summary: 'Change a webhook, pause it or let it go on: what is left out stays, null takes a filter away',
    callers: ['key'],
    params: webhook,
    body: WebhookChanges,
    response: Webhook,
    status: 200,
  },
  deleteWebhook: {
    method: 'delete',
    path: '/v1/webhooks/{id}',
    summary: 'Delete a webhook with its log and its dead letters',
    callers: ['key'],
    params: webhook,
    response: z.strictObject({}),
    status: 200,
  },
  rotateWebhookSecret: {
    method: 'post',
    path: '/v1/webhooks/{id}/secret',
    summary: 'Make a new secret. For a day everything is signed with the old one as well',
    callers: ['key'],
    params: webhook,
    response: RotatedSecret,
    status: 200,
  },
  testWebhook: {
    method: 'post',
    path: '/v1/webhooks/{id}/test',
    summary: 'Send an event that happened nowhere, once, and answer with what came of it',
    callers: ['key'],
    params: webhook,
    response: WebhookAttempt,
    status: 200,
  },
  replayWebhook: {
    method: 'post',
    path: '/v1/webhooks/{id}/replay',
    summary: 'Send everything from a cursor or a time on again',
    callers: ['key'],
    params: webhook,
    body: ReplayRequest,
    response: Webhook,
    status: 200,
  },
  listWebhookAttempts: {
    method: 'get',
    path: '/v1/webhooks/{id}/attempts',
    summary: 'The delivery log: the latest attempts, with request, answer and latency, the latest first',
    callers: ['key'],
    params: webhook,
    query: z.strictObject({
      ...paging,
      limit: z.coerce.number().pipe(PageLimit).default(LIMITS.pageSizeDefault),
    }),
    response: page(WebhookAttempt),
    status: 200,
  },
  listDeadLetters: {
    method: 'get',
    path: '/v1/webhooks/{id}/dead-letters',
    summary: 'Events that were tried for three days and never taken, the latest given up first',
    callers: ['key'],
    params: webhook,
    query: z.strictObject({
      ...paging,
      limit: z.coerce.number().pipe(PageLimit).default(LIMITS.pageSizeDefault),
    }),
    response: page(DeadLetter),
    status: 200,
  },
  retryDeadLetters: {
    method: 'post',
    path: '/v1/webhooks/{id}/dead-letters/retry',
    summary:
      'Send all dead letters again, beside what is sent otherwise: those that are taken are no longer there',
    callers: ['key'],
    params: webhook,
    response: z.strictObject({ delivered: z.int(), left: z.int() }),
    status: 200,
  },
  listPushTemplates: {
    method: 'get',
    path: '/v1/push/templates',
    summary: 'What is said in pushes where something else was chosen than what stands there from the start',
    callers: ['key'],
    response: z.strictObject({ data: z.array(PushTemplate) }),
    status: 200,
  },
  putPushTemplate: {
    method: 'put',
    path: '/v1/push/templates',
    summary: 'Say what is said in pushes of a type in a language',
    callers: ['key'],
    body: PushTemplate,
    response: PushTemplate,
    status: 200,
  },
  deletePushTemplate: {
    method: 'delete',
    path: '/v1/push/templates',
    summary: 'Say in a language again what is said without a template of its own; harmless to repeat',
    callers: ['key'],
    query: TemplateQuery,
    response: z.strictObject({}),
    status: 200,
  },
  previewPushTemplate: {
    method: 'post',
    path: '/v1/push/templates/preview',
    summary: 'What a template makes of an example, without keeping it',
    callers: ['key'],
    body: TemplatePreview,
    response: RenderedTemplate,
    status: 200,
  },
  createBot: {
    method: 'post',
    path: '/v1/bots',
    summary:
      'Make a bot: a user with a token of its own, and an address where it is asked and told. Token and secret are shown once',
    callers: ['key'],
    body: BotPost,
    response: CreatedBot,
    status: 201,
  },
  listBots: {
    method: 'get',
    path: '/v1/bots',
    summary: 'Bots, by id',
    callers: ['key'],
    query: z.strictObject({
      ...paging,
      limit: z.coerce.number().pipe(PageLimit).default(LIMITS.pageSizeDefault),
    }),
    response: page(Bot),
    status: 200,
  },
  getBot: {
    method: 'get',
    path: '/v1/bots/{id}',
    summary: 'A bot, for an API key or itself',
    callers: ['key', 'user'],
    params: bot,
    response: Bot,
    status: 200,
  },
  updateBot: {
    method: 'patch',
    path: '/v1/bots/{id}',
    summary: 'Change a bot: what is left out stays, null takes its address away',
    callers: ['key'],
    params: bot,
    body: BotChanges,
    response: Bot,
    status: 200,
  },
  deleteBot: {
    method: 'delete',
    path: '/v1/bots/{id}',
    summary:
      'End a bot: its token is refused and nothing is sent to it. The user stays, with what it said, until it is deleted as one',
    callers: ['key'],
    params: bot,
    response: z.strictObject({}),
    status: 200,
  },
  setBotCommands: {
    method: 'put',
    path: '/v1/bots/{id}/commands',
    summary: 'Say what a bot can be told to do, in place of what it could before; for an API key or itself',
    callers: ['key', 'user'],
    params: bot,
    body: BotCommands,
    response: Bot,
    status: 200,
  },
  rotateBotToken: {
    method: 'post',
    path: '/v1/bots/{id}/token',
    summary: 'Make a new token: the one before is refused at once',
    callers: ['key'],
    params: bot,
    response: RotatedToken,
    status: 200,
  },
  rotateBotSecret: {
    method: 'post',
    path: '/v1/bots/{id}/secret',
    summary: 'Make a new secret. For a day everything is signed with the old one as well',
    callers: ['key'],
    params: bot,
    response: RotatedSecret,
    status: 200,
  },
  postToHook: {
    method: 'post',
    path: '/v1/hooks/{id}',
    summary:
      'Post to a room by the address of a hook: JSON, a form with `text`, or plain text. `Idempotency-Key` or `webhook-id` tells a retry apart',
    callers: ['anyone'],
    params: z.object({ id: HookToken }),
    body: 'bytes',
    response: HookAnswer,
    status: 201,
  },
  getSfu: {
    method: 'get',
    path: '/v1/sfu',
    summary: 'The SFUs, what their media workers carry, and how the last drain of these went or goes on',
    callers: ['key'],
    response: SfuOverview,
    status: 200,
  },
  drainSfu: {
    method: 'post',
    path: '/v1/sfu/drain',
    summary:
      'Move the calls of a media worker to the others and replace its process, or those of all, one worker after the other; or give all calls of an SFU to the others. Answers when it has begun',
    callers: ['key'],
    body: DrainRequest,
    response: SfuOverview,
    status: 200,
  },
  getTurn: {
    method: 'get',
    path: '/v1/turn',
    summary: 'Our TURN services: their addresses, what they relay, and their last self-test',
    callers: ['key'],
    response: TurnOverview,
    status: 200,
  },
  testTurn: {
    method: 'post',
    path: '/v1/turn/self-test',
    summary:
      'Has every TURN service relay a byte to itself over each address and transport now, and answers when all have',
    callers: ['key'],
    response: TurnOverview,
    status: 200,
  },
  revokeRelays: {
    method: 'delete',
    path: '/v1/users/{id}/relays',
    summary: "End a user's relays and refuse every TURN credential the user has; new ones work",
    callers: ['key'],
    params: user,
    response: RelaysRevoked,
    status: 200,
  },
  getExport: {
    method: 'get',
    path: '/v1/exports/{id}/content',
    summary: 'What was exported, as JSON Lines; Range continues where a download broke off',
    callers: ['key', 'user'],
    params: job,
    response: 'bytes',
    status: 200,
  },
  createImport: {
    method: 'post',
    path: '/v1/imports',
    summary: 'Import what another installation exported: the body is its JSON Lines. A job',
    callers: ['key'],
    body: 'bytes',
    response: Job,
    status: 201,
  },
  createFile: {
    method: 'post',
    path: '/v1/rooms/{id}/files',
    summary: 'Upload a file to a room: its bytes are the body, its name a query parameter',
    callers: ['key', 'user'],
    params: room,
    query: z.strictObject({ name: text(LIMITS.fileNameChars, 1), ...inTheName }),
    body: 'bytes',
    response: StoredFile,
    status: 201,
  },
  getFile: {
    method: 'get',
    path: '/v1/files/{id}',
    summary: 'The bytes of a file',
    callers: ['key', 'user'],
    params: file,
    query: z.strictObject(inTheName),
    response: 'bytes',
    status: 200,
  },
  listFiles: {
    method: 'get',
    path: '/v1/files',
    summary:
      'Files as they are now, with links that need no token; `ids` names them, with commas between. Those you may not read are left out',
    callers: ['key', 'user'],
    query: z.strictObject({ ids: FileIds, ...inTheName }),
    response: z.strictObject({ data: z.array(LinkedFile) }),
    status: 200,
  },
  getFileVariant: {
    method: 'get',
    path: '/v1/files/{id}/{variant}',
    summary: 'What was made of a file: a thumbnail, a video that plays everywhere',
    callers: ['key', 'user'],
    params: file.extend({ variant: VariantName }),
    query: z.strictObject(inTheName),
    response: 'bytes',
    status: 200,
  },
  deleteFile: {
    method: 'delete',
    path: '/v1/files/{id}',
    summary: 'Delete a file you uploaded, or one of a room you moderate',
    callers: ['key', 'user'],
    params: file,
    query: z.strictObject(inTheName),
    response: z.strictObject({}),
    status: 200,
  },
  getLinkedFile: {
    method: 'get',
    path: '/files/{id}/{variant}',
    summary: 'A file by a signed link, as long as who asked for the link may read it',
    callers: ['anyone'],
    params: file.extend({ variant: VariantName }),
    query: z.strictObject({
      user: UserId,
      /** Unix seconds */
      until: z.coerce.number().pipe(z.int().min(0)),
      signature: z.string().max(100),
      /** Offer it for saving, whatever it is. */
      download: z.enum(['1']).optional(),
    }),
    response: 'bytes',
    status: 200,
  },
  putRoomAvatar: {
    method: 'put',
    path: '/v1/rooms/{id}/avatar',
    summary: "Make a picture the room's avatar: the body is the picture",
    callers: ['key', 'user'],
    params: room,
    body: 'bytes',
    response: AvatarAnswer,
    status: 200,
  },
  putUserAvatar: {
    method: 'put',
    path: '/v1/users/{id}/avatar',
    summary: "Make a picture a user's avatar: the body is the picture",
    callers: ['key', 'user'],
    params: user,
    body: 'bytes',
    response: AvatarAnswer,
    status: 200,
  },
  deleteRoomAvatar: {
    method: 'delete',
    path: '/v1/rooms/{id}/avatar',
    summary: "Take the room's avatar away",
    callers: ['key', 'user'],
    params: room,
    response: AvatarAnswer,
    status: 200,
  },
  deleteUserAvatar: {
    method: 'delete',
    path: '/v1/users/{id}/avatar',
    summary: "Take a user's avatar away",
    callers: ['key', 'user'],
    params: user,
    response: AvatarAnswer,
    status: 200,
  },
  getAvatar: {
    method: 'get',
    path: '/avatars/{id}',
    summary:
      'An avatar: WebP of 512 by 512 pixels. Its id cannot be guessed, and a new picture has a new one',
    callers: ['anyone'],
    params: z.object({ id: AvatarId }),
    response: 'bytes',
    status: 200,
  },
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof ROUTES
type SchemaOf<T> = T extends z.ZodType ? z.infer<T> : T extends 'bytes' ? Uint8Array : undefined
type Field<N extends RouteName, K extends string> = (typeof ROUTES)[N] extends { [P in K]: infer S }
  ? SchemaOf<S>
  : undefined
export type RouteParams<N extends RouteName> = Field<N, 'params'>
export type RouteQuery<N extends RouteName> = Field<N, 'query'>
export type RouteBody<N extends RouteName> = Field<N, 'body'>
export type RouteResponse<N extends RouteName> = Field<N, 'response'>
