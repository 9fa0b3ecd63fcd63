import type { MessagePart, PendingMessage, RoomEvent, RoomEventOf } from '@trunkline/sdk'
import { dayOf, dayWord, durationWord } from './words.ts'

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
  event?: RoomEventOf<'message.created'>
  pending?: PendingMessage
}
export type TimelineItem =
  | MessageItem
  | { kind: 'day'; key: string; text: string }
  | { kind: 'system'; key: string; text: string }

export type TimelineInput = {
  events: readonly RoomEvent[]
  pending: readonly PendingMessage[]
  me: { id: string; name: string }
  nameOf: (userId: string) => string | undefined
}

/** A room's log as one reads it: days, what happened, and messages in groups. */
export const timelineOf = ({ events, pending, me, nameOf }: TimelineInput): TimelineItem[] => {
  const items: TimelineItem[] = []
  // Who has left is no member any more, but the log knows the name.
  const names = new Map<string, string>()
  const name = (userId: string) => nameOf(userId) ?? names.get(userId) ?? userId
  let day: number | undefined

  const turnDay = (at: string) => {
    const next = dayOf(at)
    if (next === day) return
    day = next
    items.push({ kind: 'day', key: `day ${next}`, text: dayWord(next) })
  }
  const addMessage = (message: Omit<MessageItem, 'kind' | 'starts' | 'ends' | 'name'>) => {
    turnDay(message.at)
    const before = items.at(-1)
    const joins =
      before?.kind === 'message' &&
      before.sender === message.sender &&
      minuteOf(before.at) === minuteOf(message.at)
    if (joins) before.ends = false
    items.push({ kind: 'message', ...message, name: name(message.sender), starts: !joins, ends: true })
  }

  for (const event of events) {
    if (event.type === 'member.joined') names.set(event.data.user.id, event.data.user.name)
    if (event.type === 'message.created') {
      const sender = event.sender ?? ''
      const key = event.clientId ? `${sender} ${event.clientId}` : `seq ${event.seq}`
      addMessage({ key, sender, own: sender === me.id, at: event.at, parts: event.data.parts, event })
    } else {
      turnDay(event.at)
      items.push({ kind: 'system', key: `seq ${event.seq}`, text: sentenceOf(event, name) })
    }
  }
  for (const message of pending) {
    const { clientId, at, parts } = message
    addMessage({ key: `${me.id} ${clientId}`, sender: me.id, own: true, at, parts, pending: message })
  }
  return items
}

const minuteOf = (at: string): number => Math.floor(Date.parse(at) / 60_000)

const sentenceOf = (
  event: Exclude<RoomEvent, { type: 'message.created' }>,
  name: (userId: string) => string,
): string => {
  switch (event.type) {
    case 'room.created':
      return 'The room was created'
    case 'member.joined':
      return `${event.data.user.name} came into the room`
    case 'member.left':
      return `${name(event.data.userId)} left the room`
    case 'call.started':
      return 'Call started'
    case 'call.ended':
      return `Call ended after ${durationWord(event.data.durationMs)}`
  }
}
