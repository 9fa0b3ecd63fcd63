import { type DataDelivery, TrunklineError } from '@trunkline/protocol'
import type { Data, DataLink } from './data-link.ts'
import { Emitter } from './emitter.ts'
import type { Participant } from './participant.ts'
import { assertTopic, decodeTopicMessage, encodeTopicMessage, type TopicValue } from './topic-message.ts'

/** What may wait in the browser before a reliable sender is held back, and a lossy one drops what it has. Bytes. */
const BACKLOG = { reliable: 1024 * 1024, lossy: 64 * 1024 } as const satisfies Record<DataDelivery, number>
/** How often it is looked whether the backlog has gone (ms). */
const LOOK_EVERY_MS = 20

export type TopicEvents = {
  message: [from: Participant, value: TopicValue]
  /** So many messages of somebody did not arrive: on a reliable topic, because we did not keep up. */
  missed: [from: Participant, count: number]
}

export type TopicOptions = {
  /** Send once, in whatever order it arrives: for what is soon replaced by something newer. */
  lossy?: boolean
}

type Deps = {
  /** Of the transports that are in use now; undefined while there are none. */
  link: () => DataLink | undefined
  participant: (id: string) => Participant | undefined
}

/** A named stream of messages within a call, for whatever an app likes: a whiteboard, a game, subtitles. Nothing is kept. */
export class Topic extends Emitter<TopicEvents> {
  readonly name: string
  readonly lossy: boolean
  readonly #send: (topic: Topic, value: TopicValue) => Promise<boolean>

  /** @internal Made by `call.topic()`. */
  constructor(name: string, lossy: boolean, send: (topic: Topic, value: TopicValue) => Promise<boolean>) {
    super()
    this.name = name
    this.lossy = lossy
    this.#send = send
  }

  /**
   * Sends to everybody in the call who listens to data. Resolves once it is handed to the connection; a lossy topic gives
   * false for what it dropped because the line is full or not there.
   * @throws TrunklineError `too_large`, `forbidden` for listeners of the call, `unavailable` while the call reconnects
   */
  send(value: TopicValue): Promise<boolean> {
    return this.#send(this, value)
  }

  /** @internal */
  arrived(from: Participant, value: TopicValue): void {
    this.emit('message', from, value)
  }

  /** @internal */
  missed(from: Participant, count: number): void {
    this.emit('missed', from, count)
  }
}

/** The topics of a call. They stay when the call is come back to on other transports; what was sent meanwhile is missed. */
export class Topics {
  readonly #deps: Deps
  readonly #topics = new Map<string, Topic>()
  readonly #numbers = new Map<DataDelivery, number>()
  /** By stream: the number that is due next. */
  readonly #due = new Map<string, number>()
  #bound: DataLink | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws TrunklineError `invalid_request` for a bad name, or one that is in use with the other delivery */
  topic(name: string, { lossy = false }: TopicOptions = {}): Topic {
    assertTopic(name)
    const known = this.#topics.get(name)
    if (known) {
      if (known.lossy === lossy) return known
      throw new TrunklineError(
        'invalid_request',
        `The topic "${name}" is ${known.lossy ? 'lossy' : 'reliable'} here already.`,
      )
    }
    const topic = new Topic(name, lossy, (...of) => this.#send(...of))
    this.#topics.set(name, topic)
    this.bind().catch(() => undefined)
    return topic
  }

  /** Receives by the transports that are in use now, when anybody listens. To be called whenever they change. */
  async bind(): Promise<void> {
    const link = this.#deps.link()
    if (!link || link === this.#bound || this.#topics.size === 0) return
    this.#bound = link
    try {
      await link.listen(data => this.#arrived(data))
    } catch (error) {
      if (this.#bound === link) this.#bound = undefined
      throw error
    }
  }

  async #send(topic: Topic, value: TopicValue): Promise<boolean> {
    const delivery = topic.lossy ? 'lossy' : 'reliable'
    const link = this.#deps.link()
    if (!link) {
      if (topic.lossy) return false
      throw new TrunklineError('unavailable', 'The call is not connected now: send it again when it is.')
    }
    const stream = await link.stream(delivery)
    while (stream.bufferedAmount > BACKLOG[delivery]) {
      if (topic.lossy) return false
      await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))
      if (stream.closed) throw new TrunklineError('unavailable', 'The connection was lost: send it again.')
    }
    const number = this.#numbers.get(delivery) ?? 0
    // Before the number is used up: what cannot be encoded leaves no hole.
    const message = encodeTopicMessage({ topic: topic.name, number, value }, link.messageBytes)
    this.#numbers.set(delivery, (number + 1) >>> 0)
    if (await link.send(stream, delivery, message)) return true
    if (topic.lossy) return false
    throw new TrunklineError('unavailable', 'The connection was lost, or there is no key yet: send it again.')
  }

  #arrived({ participantId, streamId, delivery, bytes }: Data): void {
    const message = decodeTopicMessage(bytes)
    const from = this.#deps.participant(participantId)
    if (!message || !from) return
    const due = this.#due.get(streamId)
    const missed = due === undefined ? 0 : message.number - due
    // Lossy messages may overtake each other.
    if (missed >= 0) this.#due.set(streamId, message.number + 1)
    if (missed > 0) {
      for (const topic of this.#topics.values()) {
        // They share a stream: whose messages these were nobody knows.
        if (topic.lossy === (delivery === 'lossy')) topic.missed(from, missed)
      }
    }
    this.#topics.get(message.topic)?.arrived(from, message.value)
  }
}
