import { z } from 'zod'
import { HookId, RoomId, Seq, Time } from './ids.ts'
import { metadata, text } from './json.ts'
import { LIMITS } from './limits.ts'
import { checkContent, JsonPart, Mentions, TextPart } from './message.ts'
import { Nothing } from './nothing.ts'
import type { Operation } from './operations.ts'
import { MadeName, User } from './user.ts'

/** An address at which whoever knows it posts to a room, in the hook's own name. */
export const IncomingHook = z.strictObject({
  id: HookId,
  roomId: RoomId,
  /** In whose name it posts: a member of the room, and a bot. */
  user: User,
  /** Whether what is posted has to be signed (Standard Webhooks). */
  signed: z.boolean(),
  createdAt: Time,
})
export type IncomingHook = z.infer<typeof IncomingHook>

/** With what is shown now, and never again: the path to post to, and the secret to sign with. */
export const CreatedHook = IncomingHook.extend({ path: z.string(), secret: z.string().optional() })
export type CreatedHook = z.infer<typeof CreatedHook>

/** What is posted as JSON. Other fields are let be: many systems post `text` among fields of their own. */
export const HookPost = z
  .object({
    text: text(LIMITS.messageBytes, 1).optional(),
    parts: z
      .array(z.union([TextPart, JsonPart]))
      .min(1)
      .max(LIMITS.partsPerMessage)
      .optional(),
    metadata: metadata.optional(),
    mentions: Mentions.optional(),
    silent: z.boolean().optional(),
  })
  .superRefine(checkContent)
export type HookPost = z.infer<typeof HookPost>

/** What was posted: the message it became. */
export const HookAnswer = z.strictObject({ roomId: RoomId, seq: Seq })

/** The secret part of a hook's address. */
export const HookToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/, { message: 'must be the token of a hook' })

const inRoom = { roomId: RoomId }
const hook = { ...inRoom, hookId: HookId }

export const HOOK_OPERATIONS = {
  'hook:create': {
    summary: 'Make an address at which other systems post to a room. It is shown once',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/hooks', status: 201 },
    right: 'update',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, name: MadeName, signed: z.boolean().optional() }),
    response: CreatedHook,
  },
  'hook:list': {
    summary: 'The addresses at which other systems post to a room, the oldest first',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/hooks', status: 200 },
    right: 'update',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: z.strictObject({ data: z.array(IncomingHook) }),
  },
  'hook:update': {
    summary: 'Give a hook another name, or change whether it wants signatures',
    rest: { method: 'patch', path: '/v1/rooms/{roomId}/hooks/{hookId}', status: 200 },
    right: 'update',
    sender: 'optional',
    request: z.strictObject({ ...hook, name: MadeName.optional(), signed: z.boolean().optional() }),
    response: IncomingHook,
  },
  'hook:rotate': {
    summary: 'Give a hook another address and secret: those of before are refused at once',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/hooks/{hookId}/rotate', status: 200 },
    right: 'update',
    sender: 'optional',
    request: z.strictObject(hook),
    response: CreatedHook,
  },
  'hook:delete': {
    summary: 'Take a hook away: its address is refused at once',
    rest: { method: 'delete', path: '/v1/rooms/{roomId}/hooks/{hookId}', status: 200 },
    right: 'update',
    sender: 'optional',
    request: z.strictObject(hook),
    response: Nothing,
  },
} as const satisfies Record<string, Operation>
