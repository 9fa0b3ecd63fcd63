import {
  BotAnswer,
  type BotReply,
  type Choice,
  CompletionAnswer,
  type Control,
  type ErrorIssue,
  type Field,
  type FieldValues,
  faultsOf,
  type Interaction,
  LIMITS,
  type Message,
  RIGHTS,
  type Room,
  readArguments,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import type { z } from 'zod'
import type { MessageReader } from '../chat/message-reader.ts'
import { derivedId, newId } from '../ids.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Session } from '../session.ts'
import type { BotAnswers } from './bot-answers.ts'
import { type BotLine, BotProblem } from './bot-line.ts'
import type { Bots, KnownBot } from './bots.ts'
import type { RoomBots } from './room-bots.ts'

/** Who asks a bot something, and by what a retry is known. */
export type Asker = {
  user: User
  session: Session | undefined
  retryKey: string | undefined
  /** Waits for the bot without holding up what else they ask for. */
  aside: <R>(wait: () => Promise<R>) => Promise<R>
}
type Question = {
  [T in Interaction['type']]: Pick<Extract<Interaction, { type: T }>, 'type' | 'data'>
}[Interaction['type']]
type Given = { arguments?: FieldValues | undefined; text?: string | undefined }

/**
 * What people ask of bots: commands, buttons, forms. A bot is asked at once, and answers within a few seconds or not at all; whoever
 * asked hears which.
 */
export class Interactions {
  readonly #rooms: Rooms
  readonly #bots: Bots
  readonly #roomBots: RoomBots
  readonly #reader: MessageReader
  readonly #line: BotLine
  readonly #answers: BotAnswers
  /** Questions under way, by bot, and by bot and who asks. */
  readonly #underWay = new Map<string, number>()

  constructor(deps: {
    rooms: Rooms
    bots: Bots
    roomBots: RoomBots
    reader: MessageReader
    line: BotLine
    answers: BotAnswers
  }) {
    this.#rooms = deps.rooms
    this.#bots = deps.bots
    this.#roomBots = deps.roomBots
    this.#reader = deps.reader
    this.#line = deps.line
    this.#answers = deps.answers
  }

  /**
   * @throws TrunklineError `not_found` for a command nobody has, `conflict` when several have it, `invalid_request` for
   *   arguments that are none, `bot_unavailable` when asking again may help, `bot_failed` when not
   */
  async run(
    asked: Given & { roomId: string; botId?: string | undefined; name: string },
    asker: Asker,
  ): Promise<BotReply> {
    const { roomId, botId, name } = asked
    const { bot, command } = await this.#roomBots.command(roomId, name, botId)
    const wanted = command.arguments ?? []
    const given = asked.arguments ?? readArguments(wanted, asked.text ?? '')
    await this.#assertFits(roomId, wanted, given, `/${name}`)
    return this.#ask(bot, roomId, asker, { type: 'command.run', data: { name, arguments: given } })
  }

  /** @throws TrunklineError as {@link run} */
  async complete(
    asked: {
      roomId: string
      botId?: string | undefined
      name: string
      argument: string
      text: string
      arguments?: FieldValues | undefined
    },
    asker: Asker,
  ): Promise<Choice[]> {
    const { roomId, botId, name, argument, text, arguments: others = {} } = asked
    const { bot, command } = await this.#roomBots.command(roomId, name, botId)
    const field = command.arguments?.find(one => one.name === argument)
    if (!field) throw new TrunklineError('not_found', `/${name} has no argument ${argument}.`)
    if (field.kind === 'choice') return field.choices.filter(choice => begins(choice, text))
    if (field.kind !== 'text' || !field.completes) return []
    const data = { name, argument, text, arguments: others }
    const letter = await this.#letter(bot, roomId, asker, { type: 'command.complete', data })
    return (await this.#post(bot, letter, CompletionAnswer, LIMITS.botCompletionMs, asker)).choices
  }

  /** @throws TrunklineError `not_found` for a button that is not there (any more), `bot_failed`, `bot_unavailable` */
  async press(
    { roomId, seq, buttonId }: { roomId: string; seq: number; buttonId: string },
    asker: Asker,
  ): Promise<BotReply> {
    const message = await this.#reader.get({ roomId, seq })
    const question: Question = { type: 'button.pressed', data: { buttonId, message } }
    return this.#pressed(roomId, message, asker, question, async () => {
      controlOf(message, 'button', buttonId)
    })
  }

  /** @throws TrunklineError `not_found` for a form that is not there (any more), `invalid_request` for values that do not fit, `bot_failed`, `bot_unavailable` */
  async submit(
    { roomId, seq, formId, values }: { roomId: string; seq: number; formId: string; values: FieldValues },
    asker: Asker,
  ): Promise<BotReply> {
    const message = await this.#reader.get({ roomId, seq })
    const question: Question = { type: 'form.submitted', data: { formId, values, message } }
    return this.#pressed(roomId, message, asker, question, () =>
      this.#assertFits(roomId, controlOf(message, 'form', formId).fields, values, 'The form'),
    )
  }

  /**
   * Asks the bot whose message it is. What its first answer took away is no refusal of a retry: what was said then stays, and what could
   * not be said is said now.
   */
  async #pressed(
    roomId: string,
    message: Message,
    asker: Asker,
    question: Question,
    assertFits: () => Promise<void>,
  ): Promise<BotReply> {
    const key = this.#keyOf(message.sender, roomId, asker, question)
    const isRetry =
      key !== undefined && (await this.#answers.hasBegun({ botId: message.sender, roomId, key }))
    if (!isRetry) await assertFits()
    const bot = await this.#roomBots.get(roomId, message.sender)
    return this.#ask(bot, roomId, asker, question)
  }

  /** What a bot gets was checked: it names what there is, of the kinds it asked for. */
  async #assertFits(
    roomId: string,
    wanted: readonly Field[],
    given: FieldValues,
    what: string,
  ): Promise<void> {
    const issues = faultsOf(wanted, given)
    if (issues.length > 0) throw doesNotFit(what, issues)
    for (const { name } of wanted.filter(({ kind }) => kind === 'user')) {
      const userId = given[name]
      if (userId === undefined) continue
      const role = await this.#rooms.roleOf(roomId, String(userId))
      if (!role || !RIGHTS[role].read) {
        throw doesNotFit(what, [{ path: name, message: 'must be the id of somebody in the room' }])
      }
    }
  }

  async #ask(bot: KnownBot, roomId: string, asker: Asker, question: Question): Promise<BotReply> {
    const letter = await this.#letter(bot, roomId, asker, question)
    const answer = await this.#post(bot, letter, BotAnswer, LIMITS.botAnswerMs, asker)
    const message = 'message' in question.data ? question.data.message : undefined
    try {
      return await this.#answers.perform(answer, {
        bot,
        roomId,
        key: letter.id,
        threadOf: message?.threadOf,
        pressed: message?.seq,
        asker,
      })
    } catch (error) {
      if (!(error instanceof TrunklineError)) throw error
      await this.#bots.note(bot.row, `Its answer could not be performed: ${error.message}`)
      throw failed(bot, error.retryable, `answered what could not be done here: ${error.message}`, error)
    }
  }

  async #letter(bot: KnownBot, roomId: string, asker: Asker, question: Question): Promise<Interaction> {
    const { userId: botId } = bot.row
    const id = this.#keyOf(botId, roomId, asker, question) ?? newId('int')
    const room = roomOf(await this.#rooms.get(roomId))
    const timestamp = new Date().toISOString()
    return { id, ...question, timestamp, botId, user: asker.user, room } as Interaction
  }

  /** The same for a question and its retry; undefined when a retry could not be told from another question. */
  #keyOf(botId: string, roomId: string, { user, retryKey }: Asker, { type, data }: Question) {
    if (retryKey === undefined) return undefined
    // A message may have changed between a press and its retry, by what the bot answered to the first.
    const asked = 'message' in data ? { ...data, message: data.message.seq } : data
    return derivedId('int', botId, roomId, user.id, type, JSON.stringify(asked), retryKey)
  }

  async #post<T extends z.ZodType>(
    bot: KnownBot,
    letter: Interaction,
    schema: T,
    timeoutMs: number,
    { user, aside }: Asker,
  ): Promise<z.output<T>> {
    const { userId, url } = bot.row
    if (url === null) {
      throw new TrunklineError('conflict', `${bot.user.name} has no address at which it could be asked.`)
    }
    // As many as one may ask anything at once: whoever presses a button again and again keeps nobody else from this bot.
    const ends: (() => void)[] = []
    try {
      ends.push(this.#begin(bot, `${userId} ${user.id}`, LIMITS.requestsAtOnce))
      ends.push(this.#begin(bot, userId, LIMITS.botQuestionsAtOnce))
      const secrets = this.#bots.secretsOf(bot.row)
      const about = 'question' as const
      const question = { url, secrets, id: letter.id, about, body: letter, timeoutMs }
      const answer = await aside(() => this.#line.ask(question, schema))
      await this.#bots.note(bot.row, undefined)
      return answer
    } catch (error) {
      if (!(error instanceof BotProblem)) throw error
      await this.#bots.note(bot.row, error.message)
      throw failed(bot, error.mayPass, `gave no answer. ${error.forPeople}`, error)
    } finally {
      for (const end of ends) end()
    }
  }

  /** @returns what says that it is over */
  #begin(bot: KnownBot, key: string, most: number): () => void {
    const underWay = this.#underWay.get(key) ?? 0
    if (underWay >= most) {
      throw failed(bot, true, `has ${most} questions to answer already; try again in a moment`)
    }
    this.#underWay.set(key, underWay + 1)
    return () => {
      const left = (this.#underWay.get(key) ?? 1) - 1
      if (left > 0) this.#underWay.set(key, left)
      else this.#underWay.delete(key)
    }
  }
}

const begins = ({ value, label = value }: Choice, text: string): boolean =>
  [value, label].some(word => word.toLowerCase().startsWith(text.toLowerCase()))

const controlOf = <T extends Control['type']>(
  { controls }: Message,
  type: T,
  id: string,
): Extract<Control, { type: T }> => {
  const control = controls?.find(one => one.id === id && one.type === type)
  if (!control) {
    throw new TrunklineError(
      'not_found',
      `There is no such ${type} on this message: it may have changed since.`,
    )
  }
  if (control.disabled) throw new TrunklineError('conflict', `This ${type} is not to be used any more.`)
  return control as Extract<Control, { type: T }>
}

const roomOf = ({ id, kind, title, metadata }: Room) => ({ id, kind, title, metadata })

/** @param mayPass whether it may answer when it is asked again */
const failed = ({ user }: KnownBot, mayPass: boolean, what: string, cause?: unknown): TrunklineError =>
  new TrunklineError(
    mayPass ? 'bot_unavailable' : 'bot_failed',
    `${user.name} ${what}${what.endsWith('.') ? '' : '.'}`,
    { cause },
  )

const doesNotFit = (what: string, issues: ErrorIssue[]): TrunklineError =>
  new TrunklineError(
    'invalid_request',
    `${what} was not filled in as it wants: ${issues.map(({ path, message }) => `${path} ${message}`).join('; ')}.`,
    { details: { issues } },
  )
