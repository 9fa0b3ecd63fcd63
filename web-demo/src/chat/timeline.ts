import type { MessagePart, PendingMessage, RoomEvent, RoomMessage } from '@trunkline/sdk'
import { namesTogether, type SystemLine, systemLine } from './system-line.ts'
import { dayOf, dayWord } from './words.ts'

export type MessageItem = {
  kind: 'message'
  key: string
  sender: string
  name: string
  own: boolean
  /** First and last of a group: same person, same minute. */
  starts: boolean
  ends: boolean
  at: string
  parts: readonly MessagePart[]
  /** As it is now; absent until the server has it. */
  message?: RoomMessage
  pending?: PendingMessage
  /** It was taken back by itself, at its time. */
  expired?: boolean
}
export type SystemItem = {
  kind: 'system'
  key: string
  text: string
  about?: number
  names?: string
  call?: SystemLine['call']
  film?: SystemLine['film']
}
export type TimelineItem =
  | MessageItem
  | SystemItem
  | { kind: 'day'; key: string; text: string }
  | { kind: 'unread'; key: string; text: string }

export type TimelineInput = {
  messages: readonly RoomMessage[]
  events: readonly RoomEvent[]
  pending: readonly PendingMessage[]
  me: { id: string; name: string }
  nameOf: (userId: string) => string | undefined
  /** What others had said unread when one came: a line marks where it begins. */
  unread?: { after: number; upTo: number } | undefined
}

/** The names the log tells: who has left is no member any more. */
const namesIn = (events: readonly RoomEvent[]): Map<string, string> => {
  const names = new Map<string, string>()
  for (const { data } of events) if ('user' in data) names.set(data.user.id, data.user.name)
  return names
}

/** Calls that nobody came to but who called: what there is to say of them, their ring says. */
const lonelyCalls = (events: readonly RoomEvent[]): Set<string> => {
  const callIds = new Set<string>()
  for (const { type, data } of events)
    if (type === 'call.ended' && data.userIds && data.userIds.length <= 1) callIds.add(data.callId)
  return callIds
}

const isLonely = ({ type, data }: RoomEvent, callIds: ReadonlySet<string>): boolean =>
  (type === 'call.started' || type === 'call.ended') && callIds.has(data.callId)

/** A room as one reads it: days, what happened, and messages in groups. */
export const timelineOf = (input: TimelineInput): TimelineItem[] => {
  const { messages, events, pending, me, nameOf } = input
  const told = namesIn(events)
  const name = (userId: string) => nameOf(userId) ?? told.get(userId) ?? userId
  const nameOrYou = (userId: string) => (userId === me.id ? 'You' : name(userId))
  const items = new Items(name)

  const expired = new Set<number>()
  for (const { type, data } of events)
    if (type === 'message.deleted' && data.expired) expired.add(data.messageSeq)

  const lonely = lonelyCalls(events)

  let next = 0
  const messagesUpTo = (seq: number) => {
    for (let message = messages[next]; message && message.seq < seq; message = messages[next]) {
      next += 1
      const { sender, clientId, at, parts } = message
      const own = sender === me.id
      if (!own && isWithin(message.seq, input.unread)) items.unread()
      const key = clientId ? `${sender} ${clientId}` : `seq ${message.seq}`
      const isExpired = expired.has(message.seq)
      items.message({ key, sender, own, at, parts, message, ...(isExpired && { expired: true }) })
    }
  }
  let founder: string | undefined
  for (const event of events) {
    messagesUpTo(event.seq)
    // That who created the room is in it goes without saying.
    const isFounders = event.type === 'member.joined' && event.data.user.id === founder
    founder = event.type === 'room.created' ? event.sender : isFounders ? undefined : founder
    if (isFounders || isLonely(event, lonely)) continue
    const line = systemLine(event, { name: nameOrYou, me: me.id })
    if (line) items.system(event, line, nameOrYou)
  }
  messagesUpTo(Number.POSITIVE_INFINITY)
  for (const message of pending) {
    const { clientId, at, parts } = message
    items.message({ key: `${me.id} ${clientId}`, sender: me.id, own: true, at, parts, pending: message })
  }
  return items.all
}

/** Grows a timeline at its end. */
class Items {
  readonly all: TimelineItem[] = []
  readonly #name: (userId: string) => string
  #day: number | undefined
  #hasUnread = false
  /** The line before, while more of the same may join it. */
  #together: { type: string; by: string | undefined; names: string[]; line: SystemItem } | undefined

  constructor(name: (userId: string) => string) {
    this.#name = name
  }

  message(message: Omit<MessageItem, 'kind' | 'starts' | 'ends' | 'name'>): void {
    this.#turnDay(message.at)
    this.#together = undefined
    const before = this.all.at(-1)
    const joins =
      before?.kind === 'message' &&
      before.sender === message.sender &&
      minuteOf(before.at) === minuteOf(message.at)
    if (joins) before.ends = false
    this.all.push({
      kind: 'message',
      ...message,
      name: this.#name(message.sender),
      starts: !joins,
      ends: true,
    })
  }

  system(
    event: RoomEvent,
    { text, about, together, call, film }: SystemLine,
    name: (userId: string) => string,
  ): void {
    this.#turnDay(event.at)
    const group = this.#together
    if (together && group && group.type === event.type && group.by === byOf(event)) {
      const who = name(together.who)
      // "You and Ann", as one says it.
      if (!group.names.includes(who)) group.names[who === 'You' ? 'unshift' : 'push'](who)
      group.line.text = together.tell(namesTogether(group.names))
      group.line.names = group.names.join(', ')
      return
    }
    const line: SystemItem = {
      kind: 'system',
      key: `seq ${event.seq}`,
      text,
      ...(about !== undefined && { about }),
      ...(call && { call }),
      ...(film && { film }),
    }
    this.all.push(line)
    this.#together = together && { type: event.type, by: byOf(event), names: [name(together.who)], line }
  }

  unread(): void {
    if (this.#hasUnread) return
    this.#hasUnread = true
    this.#together = undefined
    this.all.push({ kind: 'unread', key: 'unread', text: 'New' })
  }

  #turnDay(at: string): void {
    const day = dayOf(at)
    if (day === this.#day) return
    this.#day = day
    this.#together = undefined
    this.all.push({ kind: 'day', key: `day ${day}`, text: dayWord(day) })
  }
}

/** Who did it to others; undefined for what people do themselves. */
const byOf = ({ sender, data }: RoomEvent): string | undefined => {
  const concerned = 'user' in data ? data.user.id : 'userId' in data ? data.userId : undefined
  return sender === concerned ? undefined : sender
}

const isWithin = (seq: number, stretch: TimelineInput['unread']): boolean =>
  stretch !== undefined && seq > stretch.after && seq <= stretch.upTo

const minuteOf = (at: string): number => Math.floor(Date.parse(at) / 60_000)
