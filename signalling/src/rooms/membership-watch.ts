import { setTimeout as sleep } from 'node:timers/promises'
import { KeyedMutex, type Logger } from '@trunkline/kit'
import {
  type EventType,
  LIMITS,
  type NoticeData,
  RIGHTS,
  type Role,
  TrunklineError,
} from '@trunkline/protocol'
import { and, eq, sql } from 'drizzle-orm'
import type pg from 'pg'
import type { Calls } from '../calls/calls.ts'
import type { Database } from '../database.ts'
import { departures, members, rooms } from '../schema.ts'
import { audience, type Session, sessionsOf, type TrunklineServer, usersHere } from '../session.ts'
import { MembersChannel, type MembersNotice } from './members-channel.ts'
import { isInForce, roleOf } from './standings.ts'

/** How soon an SFU that could not be told who is out of a room is told again, ms: twice as late each time. */
const DISMISS_AGAIN_MS = { first: 500, most: 4_000 }

/**
 * Somebody's membership of a room may be another now; without a user, everybody's in it; without a room, anything: the
 * line to the database had been lost.
 */
type MembershipChange = { roomId?: string; userId?: string }
type MembershipListener = (change: MembershipChange) => void

type ClosedReason = NoticeData<'room:closed'>['reason']

const CLOSED_BY: ReadonlyMap<EventType, ClosedReason> = new Map([
  ['member.left', 'left'],
  ['member.removed', 'removed'],
  ['member.banned', 'banned'],
])
const ENTERED_BY: ReadonlySet<EventType> = new Set(['member.joined', 'member.invited', 'member.requested'])

/** How soon it is tried again what the database did not answer, ms. */
const LOOK_UP_MS = 500
/** Pairs one query looks up. */
const PAIRS_AT_ONCE = 5_000

/**
 * Holds this node's sockets to what `members` says, whichever node wrote it: who may not read a room any more is out of
 * its audiences and calls within milliseconds. PostgreSQL tells (see {@link MembersChannel}), so it works without
 * Redis; after the line to it was lost, everything of this node is looked up again.
 */
export class MembershipWatch {
  readonly #io: TrunklineServer
  readonly #database: Database
  readonly #calls: Calls
  readonly #logger: Logger
  readonly #channel: MembersChannel
  readonly #listeners = new Set<MembershipListener>()
  /** By user: what was read of it is applied before it is read again, so that the latest word holds. */
  readonly #order = new KeyedMutex()
  /** Rooms and users that were parted, until it has been looked up: nothing read before lets them hear meanwhile. */
  readonly #parted = new Map<string, number>()
  #isClosed = false
  /** Something may have changed that nobody told of. */
  #isStale = false
  #isLookingUp = false

  constructor(deps: {
    io: TrunklineServer
    database: Database
    calls: Calls
    /** How to reach the database on a connection of its own. */
    connection: pg.ClientConfig
    logger: Logger
  }) {
    this.#io = deps.io
    this.#database = deps.database
    this.#calls = deps.calls
    this.#logger = deps.logger
    this.#channel = new MembersChannel({
      config: deps.connection,
      logger: deps.logger,
      // What could not be followed is looked up once that works again.
      onNotice: notice => void this.#onNotice(notice).catch(() => this.#lookUp()),
      onListening: () => void this.#lookUp(),
    })
  }

  start(): void {
    this.#channel.start()
  }

  close(): Promise<void> {
    this.#isClosed = true
    return this.#channel.close()
  }

  /** Hears of each change before sockets are brought in line: for what was remembered about a membership. */
  onChange(listener: MembershipListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Gives a socket the audiences in a room that its user's role entitles it to, and takes those it does not. To be
   * called after it began to listen: a change of before is seen here, a later one finds the socket listening.
   */
  async bringInLine(session: Session, roomId: string): Promise<Role | undefined> {
    const { userId } = session.data
    if (this.#parted.has(pairOf(roomId, userId))) await session.leave(audience.room(roomId))
    return this.#order.run(userId, async () => {
      const role = await roleOf(this.#database, roomId, userId)
      await this.#align(session, roomId, role)
      return role
    })
  }

  /** From now on this socket hears the events of all rooms its user may read, also of those it comes into later. */
  watchInbox(session: Session): Promise<void> {
    const { userId } = session.data
    return this.#order.run(userId, async () => {
      session.data.watchesInbox = true
      const memberships = await this.#database
        .select({ roomId: members.roomId, role: members.role })
        .from(members)
        .where(and(eq(members.userId, userId), isInForce))
      for (const { roomId, role } of memberships) await this.#align(session, roomId, role)
    })
  }

  async #onNotice(notice: MembersNotice): Promise<void> {
    const { roomId } = notice
    if ('tx' in notice) {
      this.#tell({ roomId })
      await this.#onDeleted(roomId, notice.tx)
    } else {
      const { userId, type } = notice
      const settle = CLOSED_BY.has(type) ? this.#part(roomId, userId) : () => {}
      if (CLOSED_BY.has(type)) this.#dismiss(roomId, userId)
      this.#tell({ roomId, userId })
      await this.#onChanged(roomId, userId, type, settle).finally(settle)
    }
  }

  #tell(change: MembershipChange): void {
    for (const listener of this.#listeners) listener(change)
  }

  /**
   * At once, before anything is looked up: that waits its turn behind whatever the user asks for meanwhile, which may be
   * as much as its sockets can ask. Should the user be in again by now, then looking it up finds so.
   * @returns what says that it was looked up; more than once says no more
   */
  #part(roomId: string, userId: string): () => void {
    const pair = pairOf(roomId, userId)
    this.#parted.set(pair, (this.#parted.get(pair) ?? 0) + 1)
    for (const session of sessionsOf(this.#io, userId)) {
      this.#shut(session, roomId).catch(error =>
        this.#logger.error({ err: error, roomId }, 'a socket could not be taken out of a room'),
      )
    }
    let isSettled = false
    return () => {
      if (isSettled) return
      isSettled = true
      const left = (this.#parted.get(pair) ?? 0) - 1
      if (left > 0) this.#parted.set(pair, left)
      else this.#parted.delete(pair)
    }
  }

  /** Takes a socket out of all it hears of a room. */
  async #shut(session: Session, roomId: string): Promise<void> {
    await Promise.all([
      ...[audience.room, audience.inbox, audience.moderators].map(of => session.leave(of(roomId))),
      this.#leaveCalls(session, roomId),
    ])
  }

  async #onChanged(roomId: string, userId: string, type: EventType, settle: () => void): Promise<void> {
    if (sessionsOf(this.#io, userId).length === 0) return
    await this.#order.run(userId, async () => {
      const role = await roleOf(this.#database, roomId, userId)
      settle()
      const sessions = sessionsOf(this.#io, userId)
      for (const session of sessions) await this.#align(session, roomId, role)
      const reason = CLOSED_BY.get(type)
      if (role !== undefined && role !== 'banned') {
        if (ENTERED_BY.has(type))
          for (const session of sessions) session.emit('room:entered', { roomId, role })
      } else if (reason && (await this.#departed(roomId, [userId])).length > 0) {
        for (const session of sessions) session.emit('room:closed', { roomId, reason })
      }
    })
  }

  /** Also whoever has no socket: one that is away from the call may come back to it otherwise. */
  #dismiss(roomId: string, userId: string): void {
    // Not waited for: an SFU that is away keeps nobody in the room, and who resumes is asked whether it may.
    this.#dismissUntilHeard(roomId, userId).catch(error =>
      this.#logger.error({ err: error, roomId }, 'a call could not be left'),
    )
  }

  /**
   * An SFU that is out of reach, or was killed just now, would keep somebody in the call, or restore them to it, for as long as they
   * may be away.
   */
  async #dismissUntilHeard(roomId: string, userId: string): Promise<void> {
    const deadline = performance.now() + 2 * LIMITS.resumeMs
    for (let waitMs = DISMISS_AGAIN_MS.first; ; waitMs = Math.min(2 * waitMs, DISMISS_AGAIN_MS.most)) {
      try {
        return await this.#calls.dismiss(roomId, userId)
      } catch (error) {
        if (!isUnavailable(error) || this.#isClosed || performance.now() > deadline) throw error
      }
      await sleep(waitMs)
      const role = await roleOf(this.#database, roomId, userId)
      // Let in again meanwhile.
      if (role !== undefined && RIGHTS[role].call) return
    }
  }

  async #onDeleted(roomId: string, tx: string): Promise<void> {
    const call = await this.#calls.find(roomId)
    for (const { userId } of call?.participants ?? []) this.#dismiss(roomId, userId)
    // Nor is anybody on the way in who was no member: the next room of that name is another.
    for (const session of this.#io.of('/').sockets.values()) await this.#leaveCalls(session, roomId)
    for (const userId of await this.#departed(roomId, usersHere(this.#io), tx)) {
      await this.#order.run(userId, async () => {
        this.#tell({ roomId, userId })
        for (const session of sessionsOf(this.#io, userId)) {
          await this.#align(session, roomId, undefined)
          session.emit('room:closed', { roomId, reason: 'deleted' })
        }
      })
    }
  }

  /** Those of these users who were in a room and are not any more: who never was is not told of it. */
  async #departed(roomId: string, userIds: readonly string[], tx?: string): Promise<string[]> {
    const rows = await this.#database
      .select({ userId: departures.userId })
      .from(departures)
      .where(
        and(
          eq(departures.roomId, roomId),
          sql`${departures.userId} = any(${sql.param([...userIds])}::text[])`,
          tx === undefined ? undefined : sql`${departures.tx} = ${tx}::xid8`,
        ),
      )
    return rows.map(row => row.userId)
  }

  async #align(session: Session, roomId: string, role: Role | undefined): Promise<void> {
    // Socket.IO has cleared up after who is gone, and would keep what it joins from then on for ever.
    if (!session.connected) return
    const { data } = session
    if (role === undefined || !RIGHTS[role].read) {
      data.rooms.delete(roomId)
      await this.#shut(session, roomId)
      return
    }
    // Who has come back since is let in by the look that this parting waits for.
    if (this.#parted.has(pairOf(roomId, data.userId))) return
    if (data.rooms.has(roomId)) await session.join(audience.room(roomId))
    if (data.watchesInbox) await session.join(audience.inbox(roomId))
    if (RIGHTS[role].moderate && (data.watchesInbox || data.rooms.has(roomId))) {
      await session.join(audience.moderators(roomId))
    } else {
      await session.leave(audience.moderators(roomId))
    }
  }

  async #leaveCalls(session: Session, roomId: string): Promise<void> {
    const { participants } = session.data
    for (const [participantId, room] of [...participants]) {
      if (room !== roomId) continue
      participants.delete(participantId)
      await session.leave(audience.participant(participantId))
      // Not waited for: an SFU that is away keeps nobody in the room, and is told who is dismissed until it hears it.
      this.#calls.sfu.request('call:leave', { roomId, participantId }).catch(error => {
        if (!isUnavailable(error)) this.#logger.error({ err: error, roomId }, 'a call could not be left')
      })
    }
  }

  /** Looks up everything this node's sockets hear, and brings in line those of whom something else holds now. */
  async #recheck(): Promise<void> {
    this.#tell({})
    const heard = new Map<string, { roomId: string; userId: string; sessions: Session[] }>()
    for (const session of this.#io.of('/').sockets.values()) {
      const { userId, rooms: open } = session.data
      for (const roomId of new Set([...open, ...inboxRooms(session)])) {
        const key = pairOf(roomId, userId)
        const pair = heard.get(key) ?? { roomId, userId, sessions: [] }
        pair.sessions.push(session)
        heard.set(key, pair)
      }
    }
    const pairs = [...heard.values()]
    for (let at = 0; at < pairs.length; at += PAIRS_AT_ONCE) {
      const some = pairs.slice(at, at + PAIRS_AT_ONCE)
      const roles = await this.#rolesOf(some)
      for (const pair of some) {
        const role = roles.get(pairOf(pair.roomId, pair.userId))
        if (pair.sessions.some(session => !isInLine(session, pair.roomId, role))) await this.#correct(pair)
      }
    }
    for (const session of this.#io.of('/').sockets.values()) {
      if (session.data.watchesInbox) await this.watchInbox(session)
    }
    await this.#recheckCalls()
  }

  /** Who is away from a call has no socket that would be brought in line. */
  async #recheckCalls(): Promise<void> {
    const pairs = (await this.#calls.live()).flatMap(({ roomId, participants }) =>
      participants.filter(({ away }) => away).map(({ userId }) => ({ roomId, userId })),
    )
    for (let at = 0; at < pairs.length; at += PAIRS_AT_ONCE) {
      const some = pairs.slice(at, at + PAIRS_AT_ONCE)
      const roles = await this.#rolesOf(some)
      for (const { roomId, userId } of some) {
        const role = roles.get(pairOf(roomId, userId))
        if (role === undefined || !RIGHTS[role].call) this.#dismiss(roomId, userId)
      }
    }
  }

  /** Looks everything up, again and again until the database answered; once more for who asks meanwhile. */
  async #lookUp(): Promise<void> {
    this.#isStale = true
    if (this.#isLookingUp) return
    this.#isLookingUp = true
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false
      try {
        await this.#recheck()
      } catch (error) {
        this.#isStale = true
        this.#logger.warn({ err: error }, 'memberships could not be looked up; trying again')
        await sleep(LOOK_UP_MS, undefined, { ref: false })
      }
    }
    this.#isLookingUp = false
  }

  async #correct({ roomId, userId }: { roomId: string; userId: string }): Promise<void> {
    await this.#order.run(userId, async () => {
      const role = await roleOf(this.#database, roomId, userId)
      const mayRead = role !== undefined && RIGHTS[role].read
      const sessions = sessionsOf(this.#io, userId)
      for (const session of sessions) await this.#align(session, roomId, role)
      if (mayRead) return
      const [room] = await this.#database.select({ id: rooms.id }).from(rooms).where(eq(rooms.id, roomId))
      const reason = role === 'banned' ? 'banned' : room ? 'removed' : 'deleted'
      for (const session of sessions) session.emit('room:closed', { roomId, reason })
    })
  }

  async #rolesOf(pairs: readonly { roomId: string; userId: string }[]): Promise<Map<string, Role>> {
    const rows = await this.#database
      .select({ roomId: members.roomId, userId: members.userId, role: members.role })
      .from(members)
      .where(
        and(
          sql`(${members.roomId}, ${members.userId}) in (select * from unnest(
            ${sql.param(pairs.map(pair => pair.roomId))}::text[], ${sql.param(pairs.map(pair => pair.userId))}::text[]))`,
          isInForce,
        ),
      )
    return new Map(rows.map(row => [pairOf(row.roomId, row.userId), row.role]))
  }
}

const pairOf = (roomId: string, userId: string): string => `${roomId} ${userId}`

const inboxRooms = (session: Session): string[] => {
  const prefix = audience.inbox('')
  return [...session.rooms].flatMap(name => (name.startsWith(prefix) ? name.slice(prefix.length) : []))
}

/** Whether a socket hears of a room what its user's role entitles it to. */
const isInLine = (session: Session, roomId: string, role: Role | undefined): boolean => {
  if (role === undefined || !RIGHTS[role].read) return false
  if (session.data.rooms.has(roomId) && !session.rooms.has(audience.room(roomId))) return false
  return session.rooms.has(audience.moderators(roomId)) === RIGHTS[role].moderate
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof TrunklineError && error.code === 'unavailable'
