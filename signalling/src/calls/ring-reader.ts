import { type Ring, rolesWith } from '@trunkline/protocol'
import { and, eq, gt, inArray, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { toUser, userColumns } from '../identity/users.ts'
import { blocks, members, rings, ringTargets, users } from '../schema.ts'
import type { CallAttendance } from './call-attendance.ts'

export type RingRow = typeof rings.$inferSelect
type TargetRow = typeof ringTargets.$inferSelect

/** A ring, and who hears of it how. */
export type RingView = {
  ring: Ring
  /** Who rings and who is rung, as far as they are to know of it. */
  hearers: string[]
  /** Of these, who is not in the room any more: for them it is over. */
  gone: Set<string>
}

/** Reads rings out of the tables. */
export class RingReader {
  readonly #attendance: CallAttendance

  constructor(attendance: CallAttendance) {
    this.#attendance = attendance
  }

  /** Rings as they are now, in the order they began. */
  async read(executor: Executor, where: SQL | undefined): Promise<RingView[]> {
    const found = await executor
      .select({ ring: rings, from: userColumns })
      .from(rings)
      .leftJoin(users, eq(users.id, rings.fromId))
      .where(where)
      .orderBy(rings.startedAt, rings.id)
    if (found.length === 0) return []
    const ids = found.map(({ ring }) => ring.id)
    const rows = await executor
      .select({
        target: ringTargets,
        quiet: sql<boolean>`coalesce(${users.hidden}, false)`,
        dnd: sql<boolean>`coalesce(${users.dnd}, false)`,
        blocked: sql<boolean>`exists (select from ${blocks} where ${blocks.userId} = ${ringTargets.userId}
          and ${blocks.blockedId} = ${rings.fromId})`,
        isIn: sql<boolean>`coalesce(${inArray(members.role, rolesWith('call'))}, false)`,
      })
      .from(ringTargets)
      .innerJoin(rings, eq(rings.id, ringTargets.ringId))
      .leftJoin(users, eq(users.id, ringTargets.userId))
      .leftJoin(members, and(eq(members.roomId, ringTargets.roomId), eq(members.userId, ringTargets.userId)))
      .where(inArray(ringTargets.ringId, ids))
      .orderBy(ringTargets.userId)
    const byRing = Map.groupBy(rows, row => row.target.ringId)
    return found.map(({ ring, from }) => {
      const rung = byRing.get(ring.id) ?? []
      const heard = rung.filter(({ target, quiet, dnd, blocked }) => {
        if (blocked) return false
        // Whoever hides and does not want to be disturbed, or is in another call, is not rung and gives neither away.
        const isQuiet = quiet && (dnd || this.#attendance.isElsewhere(target.userId, ring.roomId))
        return !isQuiet || target.state !== 'ringing'
      })
      return {
        ring: toRing(
          ring,
          from,
          rung.map(({ target }) => target),
        ),
        hearers: [ring.fromId, ...heard.map(({ target }) => target.userId)],
        gone: new Set(heard.filter(({ isIn }) => !isIn).map(({ target }) => target.userId)),
      }
    })
  }

  /** Rings that go on and that a user rings or is rung by. */
  async listOf(executor: Executor, userId: string): Promise<Ring[]> {
    const isRung = sql`exists (select from ${ringTargets} where ${ringTargets.ringId} = ${rings.id}
      and ${ringTargets.userId} = ${userId} and ${ringTargets.state} in ('ringing', 'accepted'))`
    const views = await this.read(
      executor,
      and(isNull(rings.endedAt), gt(rings.expiresAt, sql`now()`), or(eq(rings.fromId, userId), isRung)),
    )
    return views
      .filter(({ hearers, gone }) => hearers.includes(userId) && !gone.has(userId))
      .map(({ ring }) => ring)
  }
}

const toRing = (
  row: RingRow,
  from: Parameters<typeof toUser>[0] | null,
  targets: readonly TargetRow[],
): Ring => ({
  id: row.id,
  roomId: row.roomId,
  from: from ? toUser(from) : { id: row.fromId, name: row.fromId, kind: 'user' },
  media: row.media,
  targets: targets.map(({ userId, state }) => ({ userId, state })),
  startedAt: row.startedAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
  ...(row.endedAt === null ? {} : { endedAt: row.endedAt.toISOString() }),
  ...(row.cancelled ? { cancelled: true as const } : {}),
  seq: row.lastSeq,
})
