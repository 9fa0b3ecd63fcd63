import {
  type GrantedRole,
  RANK,
  RIGHTS,
  type Role,
  type Room,
  type RoomAction,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import { and, eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { Principal, UserPrincipal } from '../identity/authenticate.ts'
import type { EventLog } from '../log/event-log.ts'
import { departures, members, rooms } from '../schema.ts'
import { join } from './membership-changes.ts'
import { assertMay, refusedByBan, roomNotFound } from './roles.ts'
import { isInForce, roleOf, standingOf } from './standings.ts'

type RoomRow = typeof rooms.$inferSelect

export const toRoom = (row: RoomRow): Room => ({
  id: row.id,
  kind: row.kind,
  title: row.title,
  description: row.description,
  avatar: row.avatar,
  access: row.access,
  defaultRole: row.defaultRole,
  lobby: row.lobby,
  defaultCallRole: row.defaultCallRole,
  metadata: row.metadata,
  guests: row.guests,
  retentionDays: row.retentionDays,
  ...(row.parentId !== null && { parentId: row.parentId }),
  archivedAt: row.archivedAt?.toISOString() ?? null,
  memberCount: row.memberCount,
  firstSeq: row.firstSeq,
  lastSeq: row.lastSeq,
  createdAt: row.createdAt.toISOString(),
})

/** Rooms, and by which right somebody is in one. */
export class Rooms {
  readonly #database: Database
  readonly #log: EventLog

  constructor(deps: { database: Database; log: EventLog }) {
    this.#database = deps.database
    this.#log = deps.log
  }

  /** @throws TrunklineError `room_not_found` */
  async get(id: string): Promise<Room> {
    const room = await this.find(id)
    if (!room) throw roomNotFound()
    return room
  }

  async find(id: string): Promise<Room | undefined> {
    const [row] = await this.#database.select().from(rooms).where(eq(rooms.id, id))
    return row && toRoom(row)
  }

  /** A user's role in a room now. Of a ban that has ended nothing is left. */
  roleOf(roomId: string, userId: string): Promise<Role | undefined> {
    return roleOf(this.#database, roomId, userId)
  }

  /**
   * The role by which somebody may do this in a room. A user whose token grants the room becomes a member of it here, but
   * for guests who have to be let in.
   * An API key may do everything in any room there is, but lends its right to nobody who is banned there.
   * @param user in whose name a key acts
   * @throws TrunklineError `room_not_found` for who is not in it, `forbidden` for who may not, `knock_first` for guests
   *   whom a host has to let in
   */
  async authorise(principal: Principal, roomId: string, action: RoomAction, user?: User): Promise<Role> {
    if (principal.type === 'key') {
      await this.get(roomId)
      if (user && (await this.roleOf(roomId, user.id)) === 'banned') {
        throw refusedByBan(user.id)
      }
      return 'owner'
    }
    const now = await this.roleOf(roomId, principal.user.id)
    const grant = isOutside(now) ? await this.#grantOf(principal, roomId) : undefined
    if (grant?.mustKnock) throw knockFirst()
    const role = grant ? await this.#enterBy(grant.role, roomId, principal.user) : now
    if (role === undefined) throw roomNotFound()
    assertMay(role, action)
    return role
  }

  /**
   * A room, and the role by which a user may do this there, which is at least as new as the room says: asked for together,
   * where one has been in the room before.
   * @throws TrunklineError as {@link authorise}
   */
  async enterable(
    principal: UserPrincipal,
    roomId: string,
    action: RoomAction,
  ): Promise<{ room: Room; role: Role }> {
    const { room, role } = await this.#standing(principal, roomId)
    if (isOutside(role)) return { room, role: await this.authorise(principal, roomId, action) }
    assertMay(role, action)
    return { room, role }
  }

  /**
   * As {@link enterable}, for what is done on the way to a room: a grant of the token counts, and nobody becomes a member by
   * it.
   * @throws TrunklineError as {@link authorise}
   */
  async approachable(
    principal: UserPrincipal,
    roomId: string,
    action: RoomAction,
  ): Promise<{ room: Room; role: Role }> {
    const { room, role: now } = await this.#standing(principal, roomId)
    const grant = isOutside(now) ? await this.#grantOf(principal, roomId) : undefined
    if (grant?.mustKnock) throw knockFirst()
    const role = grant?.role ?? now
    if (role === undefined) throw roomNotFound()
    assertMay(role, action)
    return { room, role }
  }

  /**
   * The role with which somebody comes to the door of a room's call: what one is in the room, or, of guests who are not in it
   * until a host lets them in, what they will be.
   * @throws TrunklineError as {@link authorise}, for who may not even knock
   */
  async roleAtTheDoor(principal: Principal, roomId: string): Promise<Role> {
    try {
      return await this.authorise(principal, roomId, 'call')
    } catch (error) {
      const mayKnock = error instanceof TrunklineError && error.code === 'knock_first'
      const granted = principal.type === 'user' ? principal.grants.get(roomId) : undefined
      if (mayKnock && granted) return granted
      throw error
    }
  }

  /** A host has let in a guest who waited outside the room: a member from now on, as its token says. */
  async letIn({ user, grants }: UserPrincipal, roomId: string): Promise<void> {
    const granted = grants.get(roomId)
    if (user.kind !== 'guest' || !granted) return
    if (isOutside(await this.roleOf(roomId, user.id))) await this.enter(roomId, user, () => granted)
  }

  /**
   * Does what looks at the right itself, under the room's lock, so that it is not looked at twice. Who is not in the room
   * comes in first, if the token grants it.
   */
  async entering<R>(principal: UserPrincipal, roomId: string, work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (error) {
      const isNotIn = error instanceof TrunklineError && error.code === 'room_not_found'
      if (!isNotIn || !principal.grants.has(roomId)) throw error
    }
    await this.authorise(principal, roomId, 'read')
    return work()
  }

  /** Makes a user a member unless it is one already, or banned; returns what it is then. */
  enter(roomId: string, user: User, as: (room: RoomRow) => GrantedRole): Promise<Role> {
    return this.#log.transaction(roomId, async transaction => {
      const { executor, room } = transaction
      const standing = await standingOf(executor, roomId, user.id)
      if (standing && standing.role !== 'pending') return standing.role
      const role = as(room)
      await join(transaction, { user, role, sender: user.id })
      return role
    })
  }

  /** Whether a user was sent away after its token was made: a kick is not undone by whatever the user asks next. */
  async isBarred({ user, issuedAt }: UserPrincipal, roomId: string): Promise<boolean> {
    const [departure] = await this.#database
      .select({ at: departures.barredAt })
      .from(departures)
      .where(and(eq(departures.userId, user.id), eq(departures.roomId, roomId)))
    return departure?.at ? departure.at.getTime() > issuedAt : false
  }

  /** A room as it is, and what a user is to it. */
  async #standing(principal: UserPrincipal, roomId: string): Promise<{ room: Room; role: Role | undefined }> {
    const own = and(eq(members.roomId, rooms.id), eq(members.userId, principal.user.id), isInForce)
    const [found] = await this.#database
      .select({ room: rooms, role: members.role })
      .from(rooms)
      .leftJoin(members, own)
      .where(eq(rooms.id, roomId))
    if (!found) throw roomNotFound()
    return { room: toRoom(found.room), role: found.role ?? undefined }
  }

  /**
   * What a user's token makes it in a room it is not in, and whether a host has to let it in before.
   * @returns undefined where the token says nothing that counts
   */
  async #grantOf(
    principal: UserPrincipal,
    roomId: string,
  ): Promise<{ role: GrantedRole; mustKnock: boolean } | undefined> {
    const role = principal.grants.get(roomId)
    const room = role && (await this.find(roomId))
    // A direct room has exactly two members, whatever a token says.
    if (!role || !room || room.kind === 'direct' || (await this.isBarred(principal, roomId))) return undefined
    return { role, mustKnock: isKeptOutside(principal, room, role) }
  }

  #enterBy(granted: GrantedRole, roomId: string, user: User): Promise<Role> {
    return this.enter(roomId, user, room => (isUntrodden(room) ? higher(granted, 'moderator') : granted))
  }
}

const isOutside = (role: Role | undefined): role is undefined | 'pending' =>
  role === undefined || role === 'pending'

/**
 * Whether a room was made for a guest that came by a link, and nobody has been in it yet. Somebody has to look after its calls:
 * whoever comes in first.
 */
const isUntrodden = ({ createdBy, lastSeq }: RoomRow): boolean => createdBy !== null && lastSeq === 1

const higher = (one: GrantedRole, other: GrantedRole): GrantedRole => (RANK[one] > RANK[other] ? one : other)

/** Where a host lets people into calls, a guest is not in the room before: who waits reads nothing of it. */
const isKeptOutside = ({ user }: UserPrincipal, room: Room, granted: GrantedRole): boolean =>
  user.kind === 'guest' && room.lobby && !RIGHTS[granted].moderate

const knockFirst = () =>
  new TrunklineError('knock_first', 'A host has to let you into this room. Knock first (call:knock).')
