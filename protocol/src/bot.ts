import { z } from 'zod'
import { Command, Commands } from './command.ts'
import { ControlId } from './control.ts'
import { RoomEvent } from './events.ts'
import { Choice, FieldName, FieldValues } from './field.ts'
import { ClientId, EphemeralId, RoomId, Seq, Time, UserId } from './ids.ts'
import { metadata, text } from './json.ts'
import { LIMITS } from './limits.ts'
import { checkContent, content, Message, MessagePart } from './message.ts'
import type { Operation } from './operations.ts'
import { MadeName, User } from './user.ts'
import { EventRoom, OutgoingEvent, WebhookUrl } from './webhook.ts'

/** Which messages of its rooms a bot is sent: those that mention it and all of direct rooms, all there are, or none. */
export const BotHears = z.enum(['mentions', 'all', 'nothing'])
export type BotHears = z.infer<typeof BotHears>

/** Body of `POST /v1/bots`. */
export const BotPost = z.strictObject({
  /** Chosen by the app, or `bot_...` when we choose. */
  id: UserId.optional(),
  name: MadeName,
  /** Where it is asked and told. Without one it only speaks, by its token. */
  url: WebhookUrl.optional(),
  hears: BotHears.default('mentions'),
})
export type BotPost = z.infer<typeof BotPost>

/** Body of `PATCH /v1/bots/{id}`: what is left out stays, null takes the address away. */
export const BotChanges = z.strictObject({
  name: MadeName.optional(),
  url: WebhookUrl.nullable().optional(),
  hears: BotHears.optional(),
})
export type BotChanges = z.infer<typeof BotChanges>

/** A user with a program instead of a screen. */
export const Bot = z.strictObject({
  user: User,
  url: WebhookUrl.optional(),
  hears: BotHears,
  commands: z.array(Command),
  createdAt: Time,
  /** The latest that went wrong with what it was asked or told, for people; gone once it answered again. */
  problem: z.strictObject({ at: Time, reason: z.string() }).optional(),
  /** The secret before this one is signed with as well, until then. */
  previousSecretUntil: Time.optional(),
})
export type Bot = z.infer<typeof Bot>

/** The token it presents, and what we sign with: shown now, and never again. */
export const CreatedBot = Bot.extend({ token: z.string(), secret: z.string() })
export type CreatedBot = z.infer<typeof CreatedBot>
export const RotatedToken = z.strictObject({ token: z.string() })

export const BotCommands = z.strictObject({ commands: Commands })

/** A command as those see it who may use it. */
export const RoomCommand = Command.extend({ bot: User })
export type RoomCommand = z.infer<typeof RoomCommand>

/** What one person alone is shown. It is in no log: who was away, or loads the page anew, does not see it. */
export const EphemeralMessage = z.strictObject({
  id: EphemeralId,
  roomId: RoomId,
  sender: UserId,
  text: z.string().optional(),
  parts: z.array(MessagePart),
  metadata: metadata.optional(),
  at: Time,
})
export type EphemeralMessage = z.infer<typeof EphemeralMessage>

/** What came of asking a bot. Nothing of it: the bot had nothing to say. */
export const BotReply = z.strictObject({
  /** What it said in the room. */
  event: RoomEvent.optional(),
  /** What became of the message that was pressed. */
  updated: RoomEvent.optional(),
  /** What it said to who asked alone. */
  ephemeral: EphemeralMessage.optional(),
})
export type BotReply = z.infer<typeof BotReply>

const asked = {
  /** The same each time this is asked; also in the header `webhook-id`. */
  id: z.string(),
  timestamp: Time,
  botId: UserId,
  /** Who asks. */
  user: User,
  room: EventRoom,
}
const named = { name: FieldName, arguments: FieldValues }

/** What a bot is asked, and answers at once. */
export const Interaction = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('command.run'), ...asked, data: z.strictObject(named) }),
  z.strictObject({
    type: z.literal('command.complete'),
    ...asked,
    /** `text` is what was typed of this argument so far; the others as far as they are known. */
    data: z.strictObject({ ...named, argument: FieldName, text: z.string() }),
  }),
  z.strictObject({
    type: z.literal('button.pressed'),
    ...asked,
    data: z.strictObject({ buttonId: ControlId, message: Message }),
  }),
  z.strictObject({
    type: z.literal('form.submitted'),
    ...asked,
    data: z.strictObject({ formId: ControlId, values: FieldValues, message: Message }),
  }),
])
export type Interaction = z.infer<typeof Interaction>

/** A message that concerns a bot, as it is sent to it: an event of webhooks, and who is told. */
export const BotMessage = OutgoingEvent.extend({ botId: UserId })
export type BotMessage = z.infer<typeof BotMessage>

/**
 * What a bot answers with 200 to 299: `{"text": "Sunny"}`. It is said in the room in the bot's own name, with its own role; in
 * the thread it was spoken to in. No body, or `{}`: nothing.
 */
export const BotAnswer = z
  .strictObject({
    ...content,
    /** Shown to who asked alone. Not where nobody waits: of messages. */
    ephemeral: z.boolean().optional(),
    /** What the message says instead whose button was pressed or whose form was filled in. */
    update: z.strictObject(content).superRefine(checkContent).optional(),
  })
  .superRefine((answer, ctx) => {
    const { ephemeral, update: _, ...said } = answer
    if (Object.values(said).some(value => value !== undefined)) checkContent(said, ctx)
    else if (ephemeral) ctx.addIssue({ code: 'custom', message: 'ephemeral needs a text or parts' })
    if (ephemeral && (said.controls || said.mentions)) {
      ctx.addIssue({ code: 'custom', message: 'what is ephemeral has neither controls nor mentions' })
    }
  })
export type BotAnswer = z.infer<typeof BotAnswer>

/** What a bot answers to `command.complete`. */
export const CompletionAnswer = z.strictObject({ choices: z.array(Choice).max(LIMITS.choicesPerField) })
export type CompletionAnswer = z.infer<typeof CompletionAnswer>

const inRoom = { roomId: RoomId }
const pressed = { ...inRoom, seq: Seq }
/** A retry with the same one is the same to the bot, and says nothing twice. */
const retried = { clientId: ClientId.optional() }
/** Only where two bots in the room have a command of this name. */
const ofBot = { botId: UserId.optional() }

export const BOT_OPERATIONS = {
  'command:list': {
    summary: 'What the bots of a room can be told to do, by name',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/commands', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: z.strictObject({ data: z.array(RoomCommand) }),
  },
  'command:run': {
    summary:
      'Tell a bot of the room to do something, and wait for its answer. Arguments by name, or as typed after the command',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/commands', status: 200 },
    right: 'write',
    sender: 'required',
    request: z
      .strictObject({
        ...inRoom,
        ...ofBot,
        name: FieldName,
        arguments: FieldValues.optional(),
        text: text(LIMITS.fieldTextChars).optional(),
        ...retried,
      })
      .refine(({ arguments: given, text: typed }) => given === undefined || typed === undefined, {
        message: 'send either arguments or text, not both',
      }),
    response: BotReply,
  },
  'command:complete': {
    summary: 'What a bot suggests for an argument that is being typed',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/commands/complete', status: 200 },
    right: 'write',
    sender: 'required',
    request: z.strictObject({
      ...inRoom,
      ...ofBot,
      name: FieldName,
      argument: FieldName,
      text: text(LIMITS.fieldTextChars),
      arguments: FieldValues.optional(),
    }),
    response: z.strictObject({ data: z.array(Choice) }),
  },
  'button:press': {
    summary: 'Press a button of a message: its bot is asked, and its answer waited for',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/messages/{seq}/buttons/{buttonId}', status: 200 },
    right: 'react',
    sender: 'required',
    request: z.strictObject({ ...pressed, buttonId: ControlId, ...retried }),
    response: BotReply,
  },
  'form:submit': {
    summary: 'Send what was filled into a form of a message: its bot is asked, and its answer waited for',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/messages/{seq}/forms/{formId}', status: 200 },
    right: 'react',
    sender: 'required',
    request: z.strictObject({ ...pressed, formId: ControlId, values: FieldValues, ...retried }),
    response: BotReply,
  },
  'ephemeral:show': {
    summary: 'For bots: show one member of a room something that nobody else sees, and that is not kept',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/ephemerals', status: 201 },
    right: 'write',
    sender: 'required',
    request: z
      .strictObject({
        ...inRoom,
        userId: UserId,
        text: content.text,
        parts: content.parts,
        metadata: content.metadata,
      })
      .superRefine(checkContent),
    response: EphemeralMessage,
  },
} as const satisfies Record<string, Operation>
