import { z } from 'zod'
import { RoomId, Time } from './ids.ts'
import { LIMITS } from './limits.ts'
import type { Operation } from './operations.ts'
import { page, paging } from './page.ts'

const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'must be a time such as 22:00' })

const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** When somebody wants to hear nothing, by the clock where they are. */
export const QuietHours = z
  .strictObject({
    start: ClockTime,
    /** Of the next day, where it is before the start. */
    end: ClockTime,
    timeZone: z
      .string()
      .max(LIMITS.timeZoneChars)
      .refine(isTimeZone, { message: 'must be a time zone such as Europe/Berlin' }),
    /** What happened meanwhile is told at the end: room by room (`hold`), or as one number (`digest`). */
    after: z.enum(['hold', 'digest']),
  })
  .refine(({ start, end }) => start !== end, { message: 'must not end when they begin' })
export type QuietHours = z.infer<typeof QuietHours>

/** What of a room one is told while away: everything, what speaks to oneself, or nothing. */
export const NotificationLevel = z.enum(['all', 'mentions', 'none'])
export type NotificationLevel = z.infer<typeof NotificationLevel>

/** How somebody wants to be told of what happens, on all devices. */
export const NotificationSettings = z.strictObject({
  quietHours: QuietHours.nullable(),
  /** True: also while one is `away`, and not only `offline`. */
  whenAway: z.boolean(),
  /** How long e-mail and SMS wait, so that much is told in one go. */
  digestMinutes: z.int().min(LIMITS.digestMinutesMin).max(LIMITS.digestMinutesMax),
})
export type NotificationSettings = z.infer<typeof NotificationSettings>

const chosen = {
  /** null: as rooms of its kind are. */
  level: NotificationLevel.nullable(),
  /** When it ends by itself. */
  until: Time.optional(),
}
export const RoomNotification = z.strictObject({ roomId: RoomId, ...chosen })
export type RoomNotification = z.infer<typeof RoomNotification>

export const NOTIFICATION_OPERATIONS = {
  'notification:get': {
    summary: 'How one wants to be told of what happens while away',
    rest: { method: 'get', path: '/v1/notifications', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({}),
    response: NotificationSettings,
  },
  'notification:set': {
    summary: 'Say how one wants to be told: what is left out stays, null ends the quiet hours',
    rest: { method: 'patch', path: '/v1/notifications', status: 200 },
    right: 'none',
    sender: 'required',
    request: NotificationSettings.partial(),
    response: NotificationSettings,
  },
  'notification:level': {
    summary:
      'Say what of a room one wants to be told, for good or for a while; null is as if nothing was said',
    rest: { method: 'put', path: '/v1/rooms/{roomId}/notifications', status: 200 },
    right: 'read',
    sender: 'required',
    request: RoomNotification,
    response: RoomNotification,
  },
  'notification:levels': {
    summary: 'Rooms of which one said what one wants to be told',
    rest: { method: 'get', path: '/v1/notifications/rooms', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject(paging),
    response: page(RoomNotification),
  },
} as const satisfies Record<string, Operation>
