import { type Message, type RoomEvent, type RoomEventOf, textOf } from '@trunkline/protocol'

/** Events that say something of an earlier message, by the number of which they name it. */
type AboutMessage = RoomEventOf<
  | 'message.edited'
  | 'message.deleted'
  | 'message.pinned'
  | 'message.unpinned'
  | 'reaction.added'
  | 'reaction.removed'
>

const ABOUT: ReadonlySet<RoomEvent['type']> = new Set<AboutMessage['type']>([
  'message.edited',
  'message.deleted',
  'message.pinned',
  'message.unpinned',
  'reaction.added',
  'reaction.removed',
])
const isAboutMessage = (event: RoomEvent): event is AboutMessage => ABOUT.has(event.type)

/** What its `message.created` says. */
export const messageOf = (event: RoomEventOf<'message.created'>): Message => {
  const { roomId, seq, at, sender = '', clientId, data } = event
  const { parts, deleted, replyTo, threadOf, ...rest } = data
  const placed = {
    roomId,
    seq,
    sender,
    ...(clientId !== undefined && { clientId }),
    ...(replyTo !== undefined && { replyTo }),
    ...(threadOf !== undefined && { threadOf }),
    at,
  }
  // When it was taken back is what a later event says; until that is read, it was at some time.
  if (deleted) return { ...placed, parts: [], deletedAt: at }
  return { ...placed, ...withText(parts), ...rest }
}

/** What becomes of a message by an event about it. Pure; the same message when nothing does. */
export const messageAfter = (message: Message, event: AboutMessage): Message => {
  if (event.type === 'message.deleted') return deleted(message, event.at)
  if (message.deletedAt !== undefined) return message
  if (event.type === 'message.edited') return edited(message, event)
  if (event.type === 'message.pinned') return { ...message, pinnedAt: event.at }
  if (event.type === 'message.unpinned') {
    const { pinnedAt: _, ...rest } = message
    return rest
  }
  return withReaction(message, event.data.reaction, event.sender ?? '', event.type === 'reaction.added')
}

const withText = (parts: Message['parts']): Pick<Message, 'text' | 'parts'> => {
  const text = textOf(parts)
  return { ...(text !== undefined && { text }), parts }
}

const edited = (message: Message, { at, data }: RoomEventOf<'message.edited'>): Message => {
  // It was taken back meanwhile, and the log forgot: the event that says so is on its way.
  if (data.deleted) return message
  const { text: _, metadata: __, mentions: ___, controls: ____, ...rest } = message
  const { metadata, mentions, controls } = data
  return {
    ...rest,
    ...withText(data.parts),
    ...(metadata && { metadata }),
    ...(mentions && { mentions }),
    ...(controls && { controls }),
    editedAt: at,
  }
}

/** Nothing of what it said is left; where it stood, and the answers to it, are. */
const deleted = (message: Message, at: string): Message => {
  const { roomId, seq, sender, clientId, replyTo, threadOf, thread } = message
  return {
    roomId,
    seq,
    sender,
    ...(clientId !== undefined && { clientId }),
    ...(replyTo !== undefined && { replyTo }),
    ...(threadOf !== undefined && { threadOf }),
    at: message.at,
    ...(thread && { thread }),
    parts: [],
    deletedAt: at,
  }
}

const withReaction = (message: Message, reaction: string, userId: string, added: boolean): Message => {
  const { reactions = [], ...rest } = message
  const known = reactions.find(it => it.reaction === reaction)
  const others = known?.userIds.filter(id => id !== userId) ?? []
  const isListed = known !== undefined && others.length < known.userIds.length
  if (added && isListed) return message
  // Somebody who is not listed may be among those who are only counted.
  const isCounted = isListed || (known !== undefined && known.count > known.userIds.length)
  if (!added && !isCounted) return message
  const count = (known?.count ?? 0) + (added ? 1 : -1)
  const now = { reaction, count, userIds: added ? [...others, userId] : others }
  const after =
    known && count > 0
      ? reactions.map(it => (it === known ? now : it))
      : [...reactions.filter(it => it !== known), ...(count > 0 ? [now] : [])]
  return after.length > 0 ? { ...rest, reactions: after } : rest
}

const latestOf = (seqs: Iterable<number>): number => {
  let latest = 0
  for (const seq of seqs) latest = Math.max(latest, seq)
  return latest
}

/**
 * A stretch of a room's log as the messages it makes: as they are now. Takes events at its end as they come and
 * pages before its beginning; what is said of a message that is not loaded yet waits for it. Folding a stretch page by
 * page gives the same as folding it at once.
 */
export class MessageFold {
  #messages = new Map<number, Message>()
  /** What was said of messages before the stretch. */
  #waiting = new Map<number, AboutMessage[]>()
  /** Of each thread, its answers in the stretch that are not deleted. */
  readonly #answers = new Map<number, Set<number>>()
  /** Messages before the stretch that were loaded one by one, as the server gave them; kept current. */
  readonly #aside = new Map<number, Message>()
  #version = 0

  /** Goes up with each change. */
  get version(): number {
    return this.#version
  }

  /** The messages of the stretch, ascending. */
  get messages(): Message[] {
    return [...this.#messages.values()]
  }

  /** A message of the stretch, or one that was loaded aside. */
  get(seq: number): Message | undefined {
    return this.#messages.get(seq) ?? this.#aside.get(seq)
  }

  /** Answers in the thread of a message as far as they are known, ascending. */
  thread(seq: number): Message[] {
    const known = [...this.#aside.values(), ...this.#messages.values()]
    return known.filter(({ threadOf }) => threadOf === seq).sort((a, b) => a.seq - b.seq)
  }

  /** Begins anew with a stretch. */
  start(events: readonly RoomEvent[]): void {
    this.#messages.clear()
    this.#waiting.clear()
    this.#answers.clear()
    this.#aside.clear()
    this.append(events)
  }

  /** What follows at the end. */
  append(events: readonly RoomEvent[]): void {
    for (const event of events) {
      this.#take(event)
      this.#followAside(event)
    }
    this.#version += 1
  }

  /** What comes before the beginning. */
  prepend(events: readonly RoomEvent[]): void {
    const later = { messages: this.#messages, waiting: this.#waiting }
    this.#messages = new Map()
    this.#waiting = new Map()
    for (const event of events) this.#take(event)
    for (const about of later.waiting.values()) for (const event of about) this.#take(event)
    for (const message of later.messages.values()) this.#messages.set(message.seq, message)
    for (const seq of this.#messages.keys()) this.#aside.delete(seq)
    this.#version += 1
  }

  /** Messages from before the stretch as the server gave them just now: they follow the log from here on. */
  adopt(messages: readonly Message[]): void {
    for (const message of messages)
      if (!this.#messages.has(message.seq)) this.#aside.set(message.seq, message)
    this.#version += 1
  }

  #take(event: RoomEvent): void {
    if (event.type === 'message.created') this.#put(messageOf(event))
    if (!isAboutMessage(event)) return
    const { messageSeq } = event.data
    const message = this.#messages.get(messageSeq)
    const waiting = this.#waiting.get(messageSeq)
    if (message) this.#put(messageAfter(message, event))
    else if (waiting) waiting.push(event)
    else this.#waiting.set(messageSeq, [event])
  }

  #put(message: Message): void {
    const { seq, threadOf, deletedAt } = message
    this.#messages.set(seq, this.#withThread(message))
    if (threadOf === undefined) return
    const answers = this.#answers.get(threadOf) ?? new Set()
    this.#answers.set(threadOf, answers)
    if (deletedAt === undefined) answers.add(seq)
    else answers.delete(seq)
    const root = this.#messages.get(threadOf)
    if (root) this.#messages.set(threadOf, this.#withThread(root))
  }

  /** Everything said in the thread of a message of the stretch is in the stretch too. */
  #withThread({ thread: _, ...message }: Message): Message {
    const answers = this.#answers.get(message.seq)
    if (!answers?.size) return message
    return { ...message, thread: { count: answers.size, lastSeq: latestOf(answers) } }
  }

  #followAside(event: RoomEvent): void {
    if (isAboutMessage(event)) {
      const message = this.#aside.get(event.data.messageSeq)
      if (message) this.#aside.set(message.seq, messageAfter(message, event))
      // Deleted answers are counted no more; the root may be aside although the answer is not.
      const threadOf = this.get(event.data.messageSeq)?.threadOf
      if (event.type === 'message.deleted' && threadOf !== undefined) this.#countAside(threadOf, -1)
    } else if (event.type === 'message.created' && event.data.threadOf !== undefined && !event.data.deleted) {
      this.#countAside(event.data.threadOf, 1, event.seq)
    }
  }

  #countAside(seq: number, more: 1 | -1, answer?: number): void {
    const root = this.#aside.get(seq)
    if (!root) return
    const { thread, ...rest } = root
    const count = (thread?.count ?? 0) + more
    const known = this.thread(seq).findLast(({ deletedAt }) => deletedAt === undefined)
    const lastSeq = answer ?? known?.seq ?? thread?.lastSeq ?? seq
    this.#aside.set(seq, count > 0 ? { ...rest, thread: { count, lastSeq } } : rest)
  }
}
