import {
  LIMITS,
  type NotificationSettings,
  type OperationData,
  type RoomNotification,
} from '@trunkline/protocol'
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { notificationLevels, notificationSettings } from '../schema.ts'

type Row = Pick<typeof notificationSettings.$inferSelect, 'quietHours' | 'whenAway' | 'digestMinutes'>

/** What users said of how they want to be told. */
export class Preferences {
  readonly #database: Database
  readonly #whenAway: boolean

  /** @param deps.whenAway whether those who have said nothing are told also while they are away */
  constructor(deps: { database: Database; whenAway: boolean }) {
    this.#database = deps.database
    this.#whenAway = deps.whenAway
  }

  async get(userId: string): Promise<NotificationSettings> {
    const [row] = await this.#database
      .select()
      .from(notificationSettings)
      .where(eq(notificationSettings.userId, userId))
    return this.settingsOf(row)
  }

  /** What holds for somebody: their own words, else what is usual. */
  settingsOf(row: Row | undefined): NotificationSettings {
    return {
      quietHours: row?.quietHours ?? null,
      whenAway: row?.whenAway ?? this.#whenAway,
      digestMinutes: row?.digestMinutes ?? LIMITS.digestMinutesDefault,
    }
  }

  async set(userId: string, changes: OperationData<'notification:set'>): Promise<NotificationSettings> {
    const values = Object.fromEntries(
      Object.entries(changes).filter(([, value]) => value !== undefined),
    ) as Partial<NotificationSettings>
    const insert = this.#database.insert(notificationSettings).values({ userId, ...values })
    await (Object.keys(values).length === 0
      ? insert.onConflictDoNothing()
      : insert.onConflictDoUpdate({ target: notificationSettings.userId, set: values }))
    return this.get(userId)
  }

  /** What of a room somebody wants to be told; null takes back what was said. */
  async setLevel(userId: string, { roomId, level, until }: RoomNotification): Promise<RoomNotification> {
    const isOf = and(eq(notificationLevels.userId, userId), eq(notificationLevels.roomId, roomId))
    if (level === null) {
      await this.#database.delete(notificationLevels).where(isOf)
      return { roomId, level }
    }
    const values = { level, until: until === undefined ? null : new Date(until) }
    await this.#database
      .insert(notificationLevels)
      .values({ userId, roomId, ...values })
      .onConflictDoUpdate({ target: [notificationLevels.userId, notificationLevels.roomId], set: values })
    return { roomId, level, ...(until !== undefined && { until: new Date(until).toISOString() }) }
  }

  /** Those after a room, by id. */
  async levels(userId: string, after: string | undefined, limit: number): Promise<RoomNotification[]> {
    const rows = await this.#database
      .select()
      .from(notificationLevels)
      .where(
        and(
          eq(notificationLevels.userId, userId),
          after === undefined ? undefined : gt(notificationLevels.roomId, after),
          sql`(${notificationLevels.until} is null or ${notificationLevels.until} > now())`,
        ),
      )
      .orderBy(asc(notificationLevels.roomId))
      .limit(limit)
    return rows.map(({ roomId, level, until }) => ({
      roomId,
      level,
      ...(until !== null && { until: until.toISOString() }),
    }))
  }
}
