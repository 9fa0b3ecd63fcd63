import type { Presence, PresenceStatus } from '@trunkline/protocol'
import { and, eq, isNotNull, or } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { isOneOf } from '../one-of.ts'
import { users } from '../schema.ts'
import type { Attendance } from './attendance.ts'

const columns = {
  userId: users.id,
  dnd: users.dnd,
  hidden: users.hidden,
  callWaiting: users.callWaiting,
  custom: users.customStatus,
  lastSeenAt: users.lastSeenAt,
}

/** What a user says of itself, on all devices, and when the last of them went. */
export type Profile = Pick<typeof users.$inferSelect, 'dnd' | 'hidden' | 'callWaiting' | 'lastSeenAt'> & {
  userId: string
  custom: (typeof users.$inferSelect)['customStatus']
}

/** Of whom nothing is stored. */
export const nothingOf = (userId: string): Profile => ({
  userId,
  dnd: false,
  hidden: false,
  callWaiting: false,
  custom: null,
  lastSeenAt: null,
})

export const profilesOf = async (
  database: Database,
  userIds: readonly string[],
): Promise<Map<string, Profile>> => {
  if (userIds.length === 0) return new Map()
  const rows = await database.select(columns).from(users).where(isOneOf(users.id, userIds))
  return new Map(rows.map(row => [row.userId, row]))
}

/** Only of those who say something that their sockets do not: few of a thousand. */
export const wordsOf = async (
  database: Database,
  userIds: readonly string[],
): Promise<Map<string, Profile>> => {
  if (userIds.length === 0) return new Map()
  const saysSomething = or(eq(users.dnd, true), eq(users.hidden, true), isNotNull(users.customStatus))
  const rows = await database
    .select(columns)
    .from(users)
    .where(and(isOneOf(users.id, userIds), saysSomething))
  return new Map(rows.map(row => [row.userId, row]))
}

const statusOf = ({ dnd }: Profile, attendance: Attendance): PresenceStatus =>
  attendance !== 'offline' && dnd ? 'dnd' : attendance

/** As the user itself sees it, who is not hidden from itself. */
export const ownView = (profile: Profile, attendance: Attendance): Presence => {
  const { userId, custom, lastSeenAt } = profile
  const lasts = custom && (custom.until === undefined || Date.parse(custom.until) > Date.now())
  return {
    userId,
    status: statusOf(profile, attendance),
    ...(lasts ? { custom } : {}),
    ...(attendance === 'offline' && lastSeenAt ? { lastSeenAt: lastSeenAt.toISOString() } : {}),
  }
}

/** As others see it. Who hides says nothing: words that change would tell that somebody is there. */
export const viewOf = (profile: Profile, attendance: Attendance): Presence =>
  profile.hidden ? { userId: profile.userId, status: 'offline' } : ownView(profile, attendance)
