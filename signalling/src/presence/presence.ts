import type { Logger } from '@trunkline/kit'
import type { OperationAnswer, OperationData, Presence as PresenceInfo } from '@trunkline/protocol'
import { and, eq, isNull, lt, or } from 'drizzle-orm'
import type { ClusterBus } from '../cluster/cluster-bus.ts'
import type { Database } from '../database.ts'
import { isOneOf } from '../one-of.ts'
import { users } from '../schema.ts'
import type { Session, TrunklineServer } from '../session.ts'
import { Announcer } from './announcer.ts'
import { type Attendance, AttendanceRecord, type Change } from './attendance.ts'
import { Peers } from './peers.ts'
import { nothingOf, ownView, profilesOf, viewOf, wordsOf } from './profiles.ts'
import { sharing } from './sharing.ts'
import { Watches } from './watches.ts'

/** How long a lost socket still counts, ms: whoever reloads the page is not offline in between. */
const GRACE_MS = 2_000
/** Users written in one statement. */
const BATCH = 1_000

/**
 * How users are there, over all their devices: connected at any node, with what they say of themselves.
 *
 * Sockets are counted in memory: each node has its own, and hears of the others' through Redis (see Peers). Without
 * Redis a node knows of its own only, so an installation of several nodes needs one. While Redis is away a node goes
 * on with its own and with what it knew last. When all nodes are killed at once, nobody is left to write down when
 * their users were seen last.
 */
export class Presence {
  readonly #database: Database
  readonly #logger: Logger
  readonly #record = new AttendanceRecord()
  readonly #announcer: Announcer
  readonly #watches: Watches
  readonly #peers: Peers | undefined
  /** Lost sockets, until they count no more. */
  readonly #leaving = new Map<string, NodeJS.Timeout>()
  #isClosed = false

  constructor(deps: {
    io: TrunklineServer
    database: Database
    bus: ClusterBus | undefined
    logger: Logger
  }) {
    const { database, logger, bus } = deps
    this.#database = database
    this.#logger = logger
    this.#announcer = new Announcer({ ...deps, record: this.#record })
    this.#watches = new Watches(deps)
    this.#peers =
      bus &&
      new Peers({
        bus,
        record: this.#record,
        onAttendance: changes => this.#announcer.attendance(changes),
        onProfiles: userIds => this.#announcer.profiles(userIds),
        onGone: (userIds, at) => this.#seen(userIds, at),
      })
  }

  /** The users of this node are gone with it; another that goes on says so to the rest. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#leaving.values()) clearTimeout(timer)
    this.#announcer.close()
    await this.#seen(
      this.#record.ownUsers().map(([userId]) => userId),
      new Date(),
    )
    await this.#peers?.close()
  }

  /** A socket is connected. */
  arrived(session: Session): void {
    const { userId, status } = session.data
    this.#changed(userId, this.#record.set(userId, session.id, status))
  }

  /** A socket is gone. */
  gone(session: Session): void {
    if (this.#isClosed) return
    const { userId } = session.data
    const at = new Date()
    this.#record.lose(userId, session.id)
    this.#peers?.tell(userId)
    const leave = async () => {
      this.#leaving.delete(session.id)
      // Before it is told, because it is told with it. Should the user be connected elsewhere, nobody sees it.
      if (this.#record.isLast(userId, session.id)) await this.#seen([userId], at)
      this.#changed(userId, this.#record.forget(userId, session.id))
    }
    this.#leaving.set(
      session.id,
      setTimeout(() => void leave(), GRACE_MS),
    )
  }

  /** Sockets of a user, over all nodes. */
  socketsOf(userId: string): number {
    return this.#record.socketsOf(userId)
  }

  /** How somebody is there, whatever it says of itself. */
  attendanceOf(userId: string): Attendance {
    return this.#record.statusOf(userId)
  }

  /** Somebody came into a room, left it, or was banned. Without a room: any of them. */
  memberChanged(userId: string, roomId?: string): void {
    this.#watches.memberChanged(userId)
    if (roomId === undefined) return
    this.#announcer
      .inRoom(userId, roomId)
      .catch(error => this.#logger.warn({ err: error }, 'who came into a room could not be told of'))
  }

  /** Of these users, those who are there or say something: what is drawn beside a list of members. */
  async among(userIds: readonly string[], viewerId: string): Promise<PresenceInfo[]> {
    const words = await wordsOf(this.#database, userIds)
    const all = userIds.map(userId => {
      const profile = words.get(userId) ?? nothingOf(userId)
      this.#announcer.expect(profile)
      return (userId === viewerId ? ownView : viewOf)(profile, this.#record.statusOf(userId))
    })
    return all.filter(({ status, custom }) => status !== 'offline' || custom !== undefined)
  }

  /** How these users are there, as far as the viewer may know: who shares no room with them hears nothing. */
  async get(userIds: readonly string[], viewerId: string): Promise<PresenceInfo[]> {
    const allowed = await sharing(this.#database, viewerId, userIds)
    return this.#views(
      [...new Set(userIds)].filter(id => id === viewerId || allowed.has(id)),
      viewerId,
    )
  }

  /** From now on this socket hears how these are there, and of nobody it watched before. */
  async watch(session: Session, userIds: readonly string[]): Promise<PresenceInfo[]> {
    return this.#views(await this.#watches.replace(session, userIds), session.data.userId)
  }

  /**
   * What a user says of itself; `online` and `away` are of the socket it comes by.
   * @returns what it is then, as the user itself sees it
   */
  async set(
    userId: string,
    said: OperationData<'presence:set'>,
    session: Session | undefined,
  ): Promise<OperationAnswer<'presence:set'>> {
    const before = (await profilesOf(this.#database, [userId])).get(userId) ?? nothingOf(userId)
    const words = {
      ...(said.status === undefined ? {} : { dnd: said.status === 'dnd' }),
      ...(said.custom === undefined ? {} : { custom: said.custom }),
      ...(said.hidden === undefined ? {} : { hidden: said.hidden }),
      ...(said.callWaiting === undefined ? {} : { callWaiting: said.callWaiting }),
    }
    const profile = { ...before, ...words }
    const isChanged = JSON.stringify(profile) !== JSON.stringify(before)
    if (isChanged) {
      // Only what was said: another device may be saying the rest.
      const { custom, ...flags } = words
      await this.#database
        .update(users)
        .set({ ...flags, ...(custom === undefined ? {} : { customStatus: custom }) })
        .where(eq(users.id, userId))
    }
    if (session && said.status !== undefined && said.status !== 'dnd') {
      session.data.status = said.status
      // Lost meanwhile: it has been counted out, and is not to come back for ever.
      if (session.connected) this.arrived(session)
    }
    if (isChanged) {
      this.#announcer.profiles([userId])
      this.#peers?.tellProfile(userId)
    }
    return {
      ...ownView(profile, this.#record.statusOf(userId)),
      hidden: profile.hidden,
      ...(profile.callWaiting ? { callWaiting: true } : {}),
    }
  }

  async #views(userIds: readonly string[], viewerId: string): Promise<PresenceInfo[]> {
    const profiles = await profilesOf(this.#database, userIds)
    return userIds.map(userId => {
      const profile = profiles.get(userId) ?? nothingOf(userId)
      this.#announcer.expect(profile)
      return (userId === viewerId ? ownView : viewOf)(profile, this.#record.statusOf(userId))
    })
  }

  #changed(userId: string, changes: readonly Change[]): void {
    this.#announcer.attendance(changes)
    this.#peers?.tell(userId)
  }

  /** Writes down when users were seen last. Several nodes may write the same of a node that died. */
  async #seen(userIds: readonly string[], at: Date): Promise<void> {
    try {
      for (let i = 0; i < userIds.length; i += BATCH) {
        await this.#database
          .update(users)
          .set({ lastSeenAt: at })
          .where(
            and(
              isOneOf(users.id, userIds.slice(i, i + BATCH)),
              or(isNull(users.lastSeenAt), lt(users.lastSeenAt, at)),
            ),
          )
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'when users were seen last could not be written down')
    }
  }
}
