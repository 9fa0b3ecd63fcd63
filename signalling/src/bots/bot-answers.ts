import { type BotAnswer, type BotReply, type RoomEvent, TrunklineError, type User } from '@trunkline/protocol'
import { and, eq } from 'drizzle-orm'
import type { Chat } from '../chat/chat.ts'
import type { Database } from '../database.ts'
import { botPrincipal, type UserPrincipal } from '../identity/authenticate.ts'
import type { RateLimits } from '../limits.ts'
import { toEvent } from '../log/event-row.ts'
import { bots, events } from '../schema.ts'
import type { Session } from '../session.ts'
import type { KnownBot } from './bots.ts'
import type { Ephemerals } from './ephemerals.ts'

/** Where an answer goes, and to whom. */
export type Occasion = {
  bot: KnownBot
  roomId: string
  /** Told apart from other answers: what is asked or told again is answered once. */
  key: string
  threadOf?: number | undefined
  /** The message whose button was pressed. */
  pressed?: number | undefined
  /** Who waits for it, and by which socket. */
  asker?: { user: User; session: Session | undefined } | undefined
}

/** Does what bots answer: in the bot's own name, with its own rights, in the room it was asked in. */
export class BotAnswers {
  readonly #database: Database
  readonly #chat: Chat
  readonly #ephemerals: Ephemerals
  readonly #limits: RateLimits

  constructor(deps: { database: Database; chat: Chat; ephemerals: Ephemerals; limits: RateLimits }) {
    this.#limits = deps.limits
    this.#database = deps.database
    this.#chat = deps.chat
    this.#ephemerals = deps.ephemerals
  }

  /** @throws TrunklineError what the bot may not do, or is not there */
  async perform({ update, ephemeral, ...said }: BotAnswer, occasion: Occasion): Promise<BotReply> {
    const { bot, roomId, key, threadOf, pressed, asker } = occasion
    const reply: BotReply = {}
    await this.#assertThere(bot.user)
    if (update) {
      if (pressed === undefined) {
        throw new TrunklineError(
          'invalid_request',
          'There is no message to update: nothing of one was pressed.',
        )
      }
      const clientId = updateOf(key)
      reply.updated = await this.#once(occasion, clientId, () =>
        this.#chat.edits.edit({ roomId, seq: pressed, ...update, clientId }, actorOf(bot)),
      )
    }
    if (said.text === undefined && said.parts === undefined) return reply
    if (ephemeral) {
      if (!asker) throw new TrunklineError('invalid_request', 'Nobody waits who could be shown it alone.')
      const { text, parts, metadata } = said
      const shown = { roomId, userId: asker.user.id, text, parts, metadata }
      reply.ephemeral = await this.#ephemerals.show(shown, bot.user, asker.session)
      return reply
    }
    // Who asks is held to their own. Two bots that answer each other would be held to nothing.
    if (!asker) await this.#limits.message(actorOf(bot).principal)
    reply.event = await this.#once(occasion, key, async () => {
      const message = {
        ...said,
        threadOf,
        roomId,
        sender: bot.user.id,
        clientId: key,
        right: 'write' as const,
      }
      return (await this.#chat.messages.send(message)).event
    })
    return reply
  }

  /** Who is deleted while it is asked says nothing more. */
  async #assertThere({ id }: User): Promise<void> {
    const isThere = (await this.#database.$count(bots, eq(bots.userId, id))) > 0
    if (!isThere) throw new TrunklineError('not_found', 'The bot was deleted before it answered.')
  }

  /** Whether something was said in answer under this key already; what was shown to the asker alone was not kept. */
  async hasBegun({ botId, roomId, key }: { botId: string; roomId: string; key: string }): Promise<boolean> {
    const said = await Promise.all([key, updateOf(key)].map(clientId => this.#said(roomId, botId, clientId)))
    return said.some(event => event !== undefined)
  }

  /** A bot that is asked again may answer otherwise: what it said first stays. */
  async #once(
    { bot, roomId }: Occasion,
    clientId: string,
    work: () => Promise<RoomEvent>,
  ): Promise<RoomEvent> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof TrunklineError && error.code === 'conflict')) throw error
      const said = await this.#said(roomId, bot.user.id, clientId)
      if (!said) throw error
      return said
    }
  }

  async #said(roomId: string, botId: string, clientId: string): Promise<RoomEvent | undefined> {
    const [row] = await this.#database
      .select()
      .from(events)
      .where(and(eq(events.roomId, roomId), eq(events.sender, botId), eq(events.clientId, clientId)))
    return row && toEvent(row)
  }
}

/** Of the update of the message, where the key itself is that of the reply. */
const updateOf = (key: string): string => `${key}-update`

const actorOf = ({ user, row }: KnownBot): { principal: UserPrincipal; user: User } => ({
  principal: botPrincipal(user, row.createdAt),
  user,
})
