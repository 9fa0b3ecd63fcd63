import { isDeepStrictEqual } from 'node:util'
import {
  type Message,
  type MessagePost,
  partsOf,
  type RoomEvent,
  type RoomEventOf,
  TrunklineError,
  textOf,
} from '@trunkline/protocol'
import type { EventLog } from '../log/event-log.ts'

type Content = Pick<MessagePost, 'text' | 'parts' | 'metadata'>

const toMessage = (event: RoomEventOf<'message.created'>): Message => {
  const text = textOf(event.data.parts)
  return {
    roomId: event.roomId,
    seq: event.seq,
    // Every message has a sender: messages are appended here only.
    sender: event.sender ?? '',
    ...(event.clientId === undefined ? {} : { clientId: event.clientId }),
    ...(text === undefined ? {} : { text }),
    parts: event.data.parts,
    ...(event.data.metadata === undefined ? {} : { metadata: event.data.metadata }),
    at: event.at,
  }
}

const isMessage = (event: RoomEvent): event is RoomEventOf<'message.created'> =>
  event.type === 'message.created'

/** Messages: what goes into the log, and the log read as messages. */
export class Messages {
  readonly #log: EventLog

  constructor(log: EventLog) {
    this.#log = log
  }

  /**
   * Appends a message. The same `clientId` of the same sender gives the first event back.
   * @throws TrunklineError `conflict` when a clientId is used again for something else
   */
  async send(
    message: { roomId: string; sender: string; clientId?: string | undefined } & Content,
  ): Promise<RoomEvent> {
    const data = {
      parts: partsOf(message),
      ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
    }
    const { event, isNew } = await this.#log.append({
      roomId: message.roomId,
      type: 'message.created',
      sender: message.sender,
      clientId: message.clientId,
      data,
    })
    // Compared as they travel: a parsed value may still hold `undefined` where JSON has nothing.
    if (!isNew && !isDeepStrictEqual(event.data, JSON.parse(JSON.stringify(data)))) {
      throw new TrunklineError(
        'conflict',
        'This clientId was already used for another message. Use a new one for each message.',
      )
    }
    return event
  }

  async sendAsMessage(message: Parameters<Messages['send']>[0]): Promise<Message> {
    const event = await this.send(message)
    if (!isMessage(event))
      throw new TrunklineError('conflict', 'This clientId was already used for something else.')
    return toMessage(event)
  }

  /** The latest messages before a number, ascending. */
  async page(query: {
    roomId: string
    before?: number | undefined
    limit: number
  }): Promise<{ messages: Message[]; hasMore: boolean }> {
    const { events, hasMore } = await this.#log.page({ ...query, type: 'message.created' })
    return { messages: events.filter(isMessage).map(toMessage), hasMore }
  }
}
