import type { Logger } from '@trunkline/kit'
import {
  type Breakouts as BreakoutList,
  LIMITS,
  type OperationData,
  RIGHTS,
  type Room,
  rolesWith,
  SERVER_CALL_RANK,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import type { Users } from '../identity/users.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Performance } from '../operations/operation.ts'
import { afterDeparture } from '../rooms/membership-changes.ts'
import type { RoomCreation } from '../rooms/room-creation.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { standingOf, standingsOf } from '../rooms/standings.ts'
import { breakouts, breakoutUsers, members } from '../schema.ts'
import { callActor } from './call-standing.ts'
import type { Calls } from './calls.ts'

type Asked = Pick<Performance<'breakout:open'>, 'principal' | 'user' | 'role' | 'retryKey'>

/** How long those who have not come back by themselves may stay in the call of a breakout that is closed, ms. */
const STRAGGLE_MS = 10_000

/**
 * Rooms beside a room, for some of its people, for a while. What is open stands in the room's log; the breakouts
 * themselves are rooms like others, with calls of their own, archived at the end.
 */
export class Breakouts {
  readonly #database: Database
  readonly #log: EventLog
  readonly #rooms: Rooms
  readonly #users: Users
  readonly #roomCreation: RoomCreation
  readonly #calls: Calls
  readonly #logger: Logger

  constructor(deps: {
    database: Database
    log: EventLog
    rooms: Rooms
    users: Users
    roomCreation: RoomCreation
    calls: Calls
    logger: Logger
  }) {
    this.#database = deps.database
    this.#log = deps.log
    this.#rooms = deps.rooms
    this.#users = deps.users
    this.#roomCreation = deps.roomCreation
    this.#calls = deps.calls
    this.#logger = deps.logger
  }

  list(roomId: string): Promise<BreakoutList> {
    return openOf(this.#database, roomId)
  }

  /**
   * @throws TrunklineError `forbidden` for who is no host, `conflict` while others are open and for breakouts of
   *   breakouts, `invalid_request` for users who are not in the room, or in two breakouts
   */
  async open(asked: OperationData<'breakout:open'>, by: Asked): Promise<BreakoutList> {
    const { roomId, seconds } = asked
    const parent = await this.#assertHost(roomId, by)
    const assigned = asked.breakouts.flatMap(({ userIds }) => userIds)
    await this.#assertMembers(parent, assigned)
    // A retry finds what the first attempt opened.
    if (by.retryKey === undefined) await assertNoneOpen(this.#database, roomId)
    const hosts = await this.#hostsOf(roomId, by.user)
    const made = await Promise.all(
      asked.breakouts.map(async ({ title, userIds }, n) => {
        const room = await this.#roomCreation.create(
          {
            kind: 'group',
            title,
            // Who has to be let into the room does not come in by the link of a breakout.
            guests: parent.guests && !parent.lobby,
            defaultRole: parent.defaultRole,
            members: [...new Set([...hosts, ...userIds])],
          },
          {
            breakout: { parentId: roomId, hosts },
            ...(by.retryKey !== undefined && { retryKey: `${by.retryKey} breakout ${n}` }),
          },
        )
        return { roomId: room.id, title, userIds }
      }),
    )
    const endsAt = seconds === undefined ? undefined : new Date(Date.now() + seconds * 1_000).toISOString()
    const sender = by.user?.id
    try {
      await this.#log.transaction(roomId, async ({ executor, append }) => {
        const open = await openOf(executor, roomId)
        if (open.breakouts.some(({ roomId: id }) => id === made[0]?.roomId)) return
        await assertNoneOpen(executor, roomId)
        await append({
          type: 'breakouts.opened',
          sender,
          data: { breakouts: made, ...(endsAt && { endsAt }) },
        })
      })
    } catch (error) {
      // Others were opened meanwhile, or the room is gone: nobody would ever close these.
      if (error instanceof TrunklineError) await this.#archive(made, sender)
      throw error
    }
    // Those in it are about to leave it, and come back.
    const forMs = (seconds ?? LIMITS.breakoutSecondsMax) * 1_000 + STRAGGLE_MS
    await this.#calls.sfu.request('call:keep', { roomId, forMs })
    return this.list(roomId)
  }

  /** @throws TrunklineError as `open`, and `not_found` for a breakout that is not open */
  async move(asked: OperationData<'breakout:move'>, by: Asked): Promise<BreakoutList> {
    const { roomId, userId, breakoutId = null } = asked
    const parent = await this.#assertHost(roomId, by)
    await this.#assertMembers(parent, [userId])
    const { breakouts: open } = await this.list(roomId)
    if (open.length === 0 || (breakoutId !== null && !open.some(it => it.roomId === breakoutId))) {
      throw new TrunklineError('not_found', 'There is no such breakout of this room, or it is closed.')
    }
    if (breakoutId !== null) {
      const user = (await this.#users.find(this.#database, [userId])).get(userId)
      if (user) await this.#rooms.enter(breakoutId, user, room => room.defaultRole)
    }
    await this.#log.append({
      roomId,
      type: 'breakouts.moved',
      sender: by.user?.id,
      data: { moves: [{ userId, roomId: breakoutId }] },
    })
    return this.list(roomId)
  }

  /** Closing what is closed changes nothing. */
  async close(roomId: string, by: Asked): Promise<BreakoutList> {
    await this.#assertHost(roomId, by)
    await this.#close(roomId, by.user?.id)
    return this.list(roomId)
  }

  /** Somebody may not be in a room any more: then neither in its breakouts. */
  memberChanged(roomId: string, userId: string): void {
    this.#followMember(roomId, userId).catch(error => {
      this.#logger.error({ err: error, roomId }, 'breakouts could not follow who is in their room')
    })
  }

  async #followMember(roomId: string, userId: string): Promise<void> {
    const role = await this.#rooms.roleOf(roomId, userId)
    if (role !== undefined && RIGHTS[role].call) return
    const { breakouts: open } = await this.list(roomId)
    for (const breakout of open) {
      await this.#log.transaction(breakout.roomId, async transaction => {
        const { executor, append } = transaction
        const standing = await standingOf(executor, breakout.roomId, userId)
        // Never was in this one, or another node was here first.
        if (!standing || !RIGHTS[standing.role].read) return
        await append({ type: 'member.removed', data: { userId } })
        await afterDeparture(transaction, standing.role)
      })
    }
  }

  /**
   * Closes those whose time is over.
   * @returns ms until the next one's is
   */
  async closeDue(): Promise<number | undefined> {
    const due = await this.#database
      .selectDistinct({ parentId: breakouts.parentId })
      .from(breakouts)
      .where(sql`${breakouts.endsAt} <= now()`)
    for (const { parentId } of due) await this.#close(parentId, undefined)
    const { rows } = await this.#database.execute<{ ms: number | null }>(
      sql`select (extract(epoch from min(ends_at) - now()) * 1000)::float8 as ms from breakouts`,
    )
    return rows[0]?.ms ?? undefined
  }

  async #close(roomId: string, sender: string | undefined): Promise<void> {
    const closed = await this.#log.transaction(roomId, async ({ executor, append }) => {
      const { breakouts: open } = await openOf(executor, roomId)
      if (open.length > 0) await append({ type: 'breakouts.closed', sender, data: {} })
      return open
    })
    await this.#archive(closed, sender)
    if (closed.length > 0) setTimeout(() => this.#endCalls(roomId, closed), STRAGGLE_MS).unref()
  }

  async #archive(made: readonly { roomId: string }[], sender: string | undefined): Promise<void> {
    for (const breakout of made) {
      await this.#log.transaction(breakout.roomId, async ({ room, append }) => {
        if (room.archivedAt === null) await append({ type: 'room.archived', sender, data: {} })
      })
    }
  }

  /** Clients come back by themselves; a call with one that does not would go on behind everybody's back. */
  #endCalls(parentId: string, closed: readonly { roomId: string }[]): void {
    const warn = (error: unknown) =>
      this.#logger.warn({ err: error, roomId: parentId }, 'calls could not be ended after breakouts')
    this.#calls.sfu.request('call:keep', { roomId: parentId, forMs: 0 }).catch(warn)
    const by = { role: 'host' as const, rank: SERVER_CALL_RANK }
    for (const { roomId } of closed) {
      this.#calls.sfu.request('call:end', { roomId, by }).catch(error => {
        const isOver = error instanceof TrunklineError && error.code === 'not_found'
        if (!isOver) warn(error)
      })
    }
  }

  async #assertHost(roomId: string, by: Asked): Promise<Room> {
    const room = await this.#rooms.get(roomId)
    await this.#calls.sfu.request('call:host', { roomId, by: callActor(by, room) })
    if (room.parentId !== undefined || room.kind === 'direct') {
      throw new TrunklineError(
        'conflict',
        'Breakouts are of groups and channels, not of breakouts or of two.',
      )
    }
    return room
  }

  async #assertMembers({ id }: Room, userIds: readonly string[]): Promise<void> {
    if (new Set(userIds).size < userIds.length) {
      throw new TrunklineError('invalid_request', 'Somebody is named twice: everybody is in one breakout.')
    }
    const standings = await standingsOf(this.#database, id, userIds)
    const stranger = userIds.find(userId => {
      const role = standings.get(userId)?.role
      return role === undefined || !RIGHTS[role].call
    })
    if (stranger === undefined) return
    throw new TrunklineError(
      'invalid_request',
      `"${stranger}" is not in this room, or may not join its calls.`,
    )
  }

  /** Who moderates the room comes and goes in all breakouts, and so does who opened them. */
  async #hostsOf(roomId: string, opener: User | undefined): Promise<Set<string>> {
    const rows = await this.#database
      .select({ userId: members.userId })
      .from(members)
      .where(and(eq(members.roomId, roomId), inArray(members.role, rolesWith('moderate'))))
      .limit(LIMITS.usersPerBreakout)
    return new Set([...rows.map(row => row.userId), ...(opener ? [opener.id] : [])])
  }
}

const assertNoneOpen = async (executor: Executor, roomId: string): Promise<void> => {
  if ((await openOf(executor, roomId)).breakouts.length === 0) return
  throw new TrunklineError('conflict', 'Breakouts are open already: close them first, or move people.')
}

const openOf = async (executor: Executor, roomId: string): Promise<BreakoutList> => {
  const [open, sent] = await Promise.all([
    executor.select().from(breakouts).where(eq(breakouts.parentId, roomId)).orderBy(asc(breakouts.place)),
    executor.select().from(breakoutUsers).where(eq(breakoutUsers.parentId, roomId)),
  ])
  const endsAt = open[0]?.endsAt?.toISOString()
  return {
    breakouts: open.map(({ roomId: id, title }) => ({
      roomId: id,
      title,
      userIds: sent.flatMap(row => (row.roomId === id ? row.userId : [])).sort(),
    })),
    ...(endsAt !== undefined && { endsAt }),
  }
}
