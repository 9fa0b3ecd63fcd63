import {
  LIMITS,
  type NotificationLevel,
  type PushType,
  type QuietHours,
  type RoomKind,
} from '@trunkline/protocol'
import type { Attendance } from '../presence/attendance.ts'
import { endOfQuiet } from './quiet-hours.ts'

/** Everything by which it is decided whether somebody is told of something on a device. */
export type Situation = {
  type: PushType
  now: Date
  happenedAt: Date
  /** It was the user's own doing. */
  isAuthor: boolean
  /** May read the room; is still invited, where it is an invitation. */
  isConcerned: boolean
  /** The user has blocked who did it. */
  isBlocked: boolean
  /** What it tells of is deleted or over. */
  isGone: boolean
  isRead: boolean
  roomKind: RoomKind
  /** What the user wants of this room, where it was said. */
  level: NotificationLevel | undefined
  isMentioned: boolean
  attendance: Attendance
  whenAway: boolean
  /** Does not want to be disturbed. */
  dnd: boolean
  quietHours: QuietHours | undefined
  device: DeviceTraits
  /** How long this device waits, so that much is told in one go, minutes. */
  digestMinutes: number
  /** Where it just happened; otherwise it has waited, and is about to be sent. */
  isNew: boolean
}

export type DeviceTraits = {
  kind: 'web' | 'apns' | 'fcm' | 'email' | 'sms'
  /** For calls only. */
  isVoip: boolean
  /** Another device of the same user is for calls only. */
  hasVoip: boolean
}

export type Never =
  | 'author'
  | 'elsewhere'
  | 'outside'
  | 'blocked'
  | 'gone'
  | 'read'
  | 'muted'
  | 'disturbing'
  | 'quiet'
  | 'present'

export type Verdict =
  | { do: 'send' }
  /** @property digest as one number, together with what else waits */
  | { do: 'wait'; until: Date; digest: boolean }
  | { do: 'drop'; why: Never }

/** E-mail and SMS: nobody wants one for each message. */
export const isSlow = ({ kind }: Pick<DeviceTraits, 'kind'>): boolean => kind === 'email' || kind === 'sms'

/** Whether having read the room up to there is having seen it. */
export const isReadable = (type: PushType): boolean => type === 'message.created' || type === 'ring.ended'

const OF_RINGS: ReadonlySet<PushType> = new Set(['ring.started', 'ring.stopped', 'ring.ended'])

/** Of a call: it goes before anything else that waits. */
export const isOfRing = (type: PushType): boolean => OF_RINGS.has(type)

/** Worth something now, and soon nothing. */
export const isOfTheMoment = (type: PushType): boolean => type === 'ring.started' || type === 'ring.stopped'

/** Whether this is the device to tell of it at all. */
const isFor = (type: PushType, { kind, isVoip, hasVoip }: DeviceTraits): boolean => {
  if (isVoip) return isOfRing(type)
  if (isOfTheMoment(type)) return !isSlow({ kind }) && !(kind === 'apns' && hasVoip)
  return true
}

/** What of rooms of a kind one hears without having said anything: of a channel only what speaks to oneself. */
export const usualLevel = (kind: RoomKind): NotificationLevel => (kind === 'channel' ? 'mentions' : 'all')

const drop = (why: Never): Verdict => ({ do: 'drop', why })

/**
 * The rule: whether somebody is told of something on a device, now, later or never. It is asked when it happens, and once
 * more just before it is sent.
 */
export const judge = (situation: Situation): Verdict => {
  const { type, now, device, attendance, isNew } = situation
  if (situation.isAuthor && type !== 'ring.stopped') return drop('author')
  if (!isFor(type, device)) return drop('elsewhere')
  // Whatever rings has to stop, whoever may not be disturbed by now.
  if (type === 'ring.stopped') return { do: 'send' }
  if (!situation.isConcerned) return drop('outside')
  if (situation.isBlocked) return drop('blocked')
  if (situation.isGone) return drop('gone')
  if (situation.isRead) return drop('read')
  if (isMuted(situation)) return drop('muted')
  if (situation.dnd) return drop('disturbing')
  const quietUntil = situation.quietHours && endOfQuiet(situation.quietHours, now)
  // A phone in a pocket rings also while one sits at the desk.
  if (type === 'ring.started') return quietUntil ? drop('quiet') : { do: 'send' }
  const isPresent = attendance === 'online' || (attendance === 'away' && !situation.whenAway)
  if (isNew && isSlow(device)) {
    const wait = Math.max(situation.digestMinutes * 60_000, LIMITS.pushPresentMs)
    return { do: 'wait', until: new Date(now.getTime() + wait), digest: true }
  }
  // A phone that rang shows in any case that it does no more.
  if (isPresent && type !== 'ring.ended') {
    // The latest may have taken the place of what waited: each has its own time to be read.
    const until = new Date(situation.happenedAt.getTime() + LIMITS.pushPresentMs)
    return until > now ? { do: 'wait', until, digest: false } : drop('present')
  }
  if (quietUntil) {
    return { do: 'wait', until: quietUntil, digest: situation.quietHours?.after === 'digest' }
  }
  return { do: 'send' }
}

const isMuted = ({ type, level, roomKind, isMentioned }: Situation): boolean => {
  if (type === 'digest' || type === 'member.invited') return false
  const heard = level ?? usualLevel(roomKind)
  return heard === 'none' || (heard === 'mentions' && type === 'message.created' && !isMentioned)
}
