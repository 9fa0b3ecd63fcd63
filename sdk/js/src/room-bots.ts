import {
  type BotReply,
  type Choice,
  type EphemeralMessage,
  type FieldValues,
  LIMITS,
  type OperationAnswer,
  type OperationData,
  type OperationName,
  type RoomCommand,
  type RoomEvent,
  readCommand,
  TrunklineError,
} from '@trunkline/protocol'
import { newClientId } from './client-id.ts'

export type RoomBotsDeps = {
  request: <N extends OperationName>(name: N, data: OperationData<N>) => Promise<OperationAnswer<N>>
  /** Takes an event the server answered with. */
  take: (event: RoomEvent) => void
  /** Something is shown to this user alone, or is not any more. */
  changed: (shown?: EphemeralMessage) => void
}

/**
 * What the bots of a room can be told and asked. Each rejects with `bot_unavailable` when a bot gives no answer, and
 * `bot_failed` when that is of no use, with a sentence for whoever asked; what a bot says shows in the room, or in `ephemerals`.
 */
export class RoomBots {
  readonly #roomId: string
  readonly #deps: RoomBotsDeps
  #ephemerals: readonly EphemeralMessage[] = []

  constructor(roomId: string, deps: RoomBotsDeps) {
    this.#roomId = roomId
    this.#deps = deps
  }

  /** What bots showed this user alone since the room was opened, ascending. A new array after each change. */
  get ephemerals(): readonly EphemeralMessage[] {
    return this.#ephemerals
  }

  /** Shows it no more, here. */
  dismiss(id: string): void {
    this.#ephemerals = this.#ephemerals.filter(message => message.id !== id)
    this.#deps.changed()
  }

  /** What can be said, by name. */
  async commands(): Promise<RoomCommand[]> {
    return (await this.#deps.request('command:list', { roomId: this.#roomId })).data
  }

  /**
   * Does what a line says: `/weather Oslo days:3`.
   * @param botId whose command, where several bots have one of this name
   * @throws TrunklineError `invalid_request` for what is no command, or for arguments that do not fit
   */
  run(line: string, botId?: string): Promise<BotReply> {
    const command = readCommand(line)
    if (!command) {
      return Promise.reject(new TrunklineError('invalid_request', 'A command is written like this: /name …'))
    }
    const { name, rest } = command
    return this.#ask('command:run', { name, text: rest, ...(botId !== undefined && { botId }) })
  }

  /** The same with its arguments by name. */
  runWith(name: string, values: FieldValues, botId?: string): Promise<BotReply> {
    return this.#ask('command:run', { name, arguments: values, ...(botId !== undefined && { botId }) })
  }

  /** What the bot suggests for an argument of which this much was typed. */
  async complete(
    command: Pick<RoomCommand, 'name' | 'bot'>,
    argument: string,
    text: string,
    others: FieldValues = {},
  ): Promise<Choice[]> {
    const { data } = await this.#deps.request('command:complete', {
      roomId: this.#roomId,
      botId: command.bot.id,
      name: command.name,
      argument,
      text,
      arguments: others,
    })
    return data
  }

  /** Presses a button of a message. */
  press(seq: number, buttonId: string): Promise<BotReply> {
    return this.#ask('button:press', { seq, buttonId })
  }

  /** Sends what was filled into a form of a message; `faultsOf` of its fields says before what is wrong with it. */
  submit(seq: number, formId: string, values: FieldValues): Promise<BotReply> {
    return this.#ask('form:submit', { seq, formId, values })
  }

  /** Something is shown to this user alone. */
  take(message: EphemeralMessage): void {
    if (this.#ephemerals.some(({ id }) => id === message.id)) return
    this.#ephemerals = [...this.#ephemerals, message].slice(-LIMITS.ephemeralsKept)
    this.#deps.changed(message)
  }

  async #ask<N extends 'command:run' | 'button:press' | 'form:submit'>(
    name: N,
    data: Omit<OperationData<N>, 'roomId' | 'clientId'>,
  ): Promise<BotReply> {
    const asked = { roomId: this.#roomId, ...data, clientId: newClientId() } as unknown as OperationData<N>
    const reply = await this.#deps.request(name, asked)
    if (reply.updated) this.#deps.take(reply.updated)
    if (reply.event) this.#deps.take(reply.event)
    if (reply.ephemeral) this.take(reply.ephemeral)
    return reply
  }
}
