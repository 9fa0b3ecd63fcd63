import type { GrantedRole, RingMedia, RoomChanges, RoomEvent, RoomEventOf } from '@trunkline/sdk'
import { durationWord, momentWord } from './words.ts'

/**
 * What happened beside messages, as a sentence. `together`: the same happened to one after another, and a line may
 * name several; `who` is whom it happened to.
 */
export type SystemLine = {
  text: string
  /** The message it is about, to go there. */
  about?: number
  together?: { who: string; tell: (names: string) => string }
  /** The file of a recorded call, and why the recording ended by itself, if it did. */
  film?: { fileId: string; problem?: string }
  /** A call that did not come about, to try again. */
  call?: { media: RingMedia; missed: boolean }
}

export type Naming = {
  /** "You" for oneself. */
  name: (userId: string) => string
  /** Oneself. */
  me: string
}

const ROLES: Record<GrantedRole, string> = {
  owner: 'an owner',
  moderator: 'a moderator',
  publisher: 'somebody who may write',
  member: 'a reader',
}

const isSeveral = (who: string) => /, | and /.test(who)
const be = (who: string, past = false) =>
  who === 'You' || isSeveral(who) ? (past ? 'were' : 'are') : past ? 'was' : 'is'
/** "you" within a sentence, where it begins a list, too. */
const whom = (who: string) => who.replace(/^You(?=$|, | and )/, 'you')
const because = (reason: string | undefined) => (reason ? `: ${reason}` : '')

/** What changed of a room's settings; undefined when it is nothing people see. */
const changesOf = (changes: RoomChanges): string | undefined => {
  const { title, description, avatar, access, guests, defaultRole, retentionDays } = changes
  if (title !== undefined) return title ? `renamed the room to “${title}”` : 'took the name off the room'
  if (description !== undefined) return description ? 'changed the description' : 'took the description away'
  if (avatar !== undefined) return avatar ? "changed the room's picture" : "took the room's picture away"
  if (retentionDays !== undefined)
    return retentionDays === null
      ? 'turned off that old messages are removed'
      : `set messages to be removed after ${retentionDays === 1 ? '1 day' : `${retentionDays} days`}`
  if (access === 'open') return 'opened the room to everybody'
  if (access === 'request') return 'made people ask before they come in'
  if (access === 'invite') return 'closed the room to all who are not invited'
  if (guests !== undefined) return guests ? 'let guests in by link' : 'stopped letting guests in by link'
  if (defaultRole !== undefined)
    return defaultRole === 'publisher' ? 'let newcomers write' : 'made newcomers readers'
  return undefined
}

/** "Ann did it", or what happened when nobody is said to have done it. */
const done = (by: string | undefined, active: string, passive: string) =>
  by === undefined ? passive : `${by} ${active}`

/** What came of a ring, to those it was between: of a call that came about, the call's own lines tell. */
const ringLine = ({ data }: RoomEventOf<'ring.ended'>, { name, me }: Naming): SystemLine | undefined => {
  const { media, from, missed, answered, cancelled } = data
  const kind = media === 'video' ? 'video call' : 'voice call'
  if (missed.includes(me)) {
    return { text: `Missed ${kind} from ${name(from)}`, call: { media, missed: true } }
  }
  if (from !== me || answered) return undefined
  const text = cancelled
    ? `You called off a ${kind}`
    : missed.length === 0
      ? `Your ${kind} was declined`
      : `No answer to your ${kind}`
  return { text, call: { media, missed: false } }
}

/** An event of a room's log in words; undefined for what is not worth a line. */
export const systemLine = (event: RoomEvent, { name, me }: Naming): SystemLine | undefined => {
  const by = event.sender === undefined ? undefined : name(event.sender)
  switch (event.type) {
    case 'room.created':
      return { text: done(by, 'created the room', 'The room was created') }
    case 'room.updated': {
      const what = changesOf(event.data.changes)
      return what === undefined ? undefined : { text: `${by ?? 'Somebody'} ${what}` }
    }
    case 'room.archived':
      return { text: done(by, 'archived the room', 'The room was archived') }
    case 'room.restored':
      return { text: done(by, 'opened the room again', 'The room was opened again') }
    case 'member.joined': {
      const { id } = event.data.user
      if (by === undefined || event.sender === id) {
        const tell = (names: string) => `${names} came into the room`
        return { text: tell(name(id)), together: { who: id, tell } }
      }
      const tell = (names: string) => `${by} added ${whom(names)}`
      return { text: tell(name(id)), together: { who: id, tell } }
    }
    case 'member.invited': {
      const { id } = event.data.user
      const tell = (names: string) =>
        by === undefined ? `${names} ${be(names, true)} invited` : `${by} invited ${whom(names)}`
      return { text: tell(name(id)), together: { who: id, tell } }
    }
    case 'member.requested':
      return { text: `${name(event.data.user.id)} asks to come in${because(event.data.message)}` }
    case 'member.changed': {
      const who = name(event.data.userId)
      const role = ROLES[event.data.role]
      return {
        text: done(by, `made ${whom(who)} ${role}`, `${who} ${be(who)} ${role} now`),
      }
    }
    case 'member.left': {
      const who = event.data.userId
      if (event.data.requested) return { text: `${name(who)} asks no longer` }
      const tell = (names: string) => `${names} left the room`
      return { text: tell(name(who)), together: { who, tell } }
    }
    case 'member.removed': {
      const who = name(event.data.userId)
      const why = because(event.data.reason)
      if (event.data.requested) return { text: `${who} ${be(who, true)} not let in${why}` }
      return { text: done(by, `removed ${whom(who)}${why}`, `${who} ${be(who, true)} removed${why}`) }
    }
    case 'member.banned': {
      const { userId, reason, until } = event.data
      const rest = `${until ? ` until ${momentWord(until)}` : ''}${because(reason)}`
      const who = name(userId)
      return { text: done(by, `banned ${whom(who)}${rest}`, `${who} ${be(who, true)} banned${rest}`) }
    }
    case 'member.unbanned': {
      const who = name(event.data.userId)
      return { text: done(by, `ended the ban of ${who}`, `The ban of ${who} ended`) }
    }
    case 'message.pinned':
      return { text: `${by ?? 'Somebody'} pinned a message`, about: event.data.messageSeq }
    case 'call.started':
      return { text: 'Call started' }
    case 'call.ended':
      return { text: `Call ended after ${durationWord(event.data.durationMs)}` }
    case 'recording.started':
      return { text: `${by ?? 'Somebody'} recorded the call` }
    case 'recording.ready': {
      const { fileId, problem } = event.data
      return {
        text: 'The recording of the call is ready',
        film: { fileId, ...(problem !== undefined && { problem }) },
      }
    }
    case 'recording.failed':
      return { text: `The recording of the call failed: ${event.data.reason}` }
    case 'stream.started':
      return { text: `${by ?? 'Somebody'} streamed the call live` }
    case 'stream.ended': {
      const { durationMs, problem } = event.data
      return { text: `The live stream ended after ${durationWord(durationMs)}${because(problem)}` }
    }
    case 'stream.failed':
      return { text: `The live stream failed: ${event.data.reason}` }
    case 'ring.ended':
      return ringLine(event, { name, me })
    default:
      return undefined
  }
}

/** "Ann", "Ann and Bob", "Ann, Bob and 3 others". */
export const namesTogether = (names: readonly string[], named = 3): string => {
  if (names.length <= 1) return names[0] ?? ''
  if (names.length <= named) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  const rest = names.length - named + 1
  return `${names.slice(0, named - 1).join(', ')} and ${rest} others`
}
