import { isUniqueViolation } from '@trunkline/kit'
import {
  type GrantedRole,
  LIMITS,
  type Member,
  type Role,
  type Room,
  type RoomAction,
  type RoomPost,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import { and, asc, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { Principal, UserPrincipal } from '../identity/authenticate.ts'
import type { Users } from '../identity/users.ts'
import { derivedId, newId } from '../ids.ts'
import type { EventLog } from '../log/event-log.ts'
import { members, rooms, users as usersTable } from '../schema.ts'
import { assertMay, roomNotFound } from './roles.ts'
import { fingerprintOf } from './room-post.ts'

type RoomRow = typeof rooms.$inferSelect
/** What a room is created with beside what was posted. */
type Creation = {
  memberIds: readonly string[]
  creator: User | undefined
  distinctKey: string | undefined
  requestKey: string | undefined
  requestHash: Buffer
}

export const toRoom = (row: RoomRow): Room => ({
  id: row.id,
  kind: row.kind,
  title: row.title,
  description: row.description,
  avatar: row.avatar,
  access: row.access,
  defaultRole: row.defaultRole,
  metadata: row.metadata,
  guests: row.guests,
  retentionDays: row.retentionDays,
  archivedAt: row.archivedAt?.toISOString() ?? null,
  memberCount: row.memberCount,
  firstSeq: row.firstSeq,
  lastSeq: row.lastSeq,
  createdAt: row.createdAt.toISOString(),
})

/** Role of those named when a room is created. */
const DEFAULT_ROLE: Readonly<Record<RoomPost['kind'], GrantedRole>> = {
  direct: 'publisher',
  group: 'publisher',
  channel: 'member',
}

/** Rooms and who is in them. */
export class Rooms {
  readonly #database: Database
  readonly #log: EventLog
  readonly #users: Users

  constructor(deps: { database: Database; log: EventLog; users: Users }) {
    this.#database = deps.database
    this.#log = deps.log
    this.#users = deps.users
  }

  /**
   * Creates a room with its members, or finds the one that already is it (`direct` and `distinct` rooms, retries).
   * @param options.creator becomes owner (publisher in a direct room) and names users that exist; without one, for an
   *   API key, unknown users are created
   * @param options.retryKey the same key gives the same room; from `Idempotency-Key`
   * @throws TrunklineError `forbidden` for guests; `invalid_request` for users that do not exist; `conflict` for a
   *   taken id, or a key used again for another room
   */
  async create(
    post: RoomPost,
    options: { creator?: User | undefined; retryKey?: string | undefined } = {},
  ): Promise<Room> {
    const { creator, retryKey } = options
    if (creator?.kind === 'guest') {
      throw new TrunklineError(
        'forbidden',
        'Guests come into rooms by invitation and create none themselves.',
      )
    }
    const memberIds = [...new Set([...(creator ? [creator.id] : []), ...(post.members ?? [])])]
    if (post.kind === 'direct' && memberIds.length !== 2) {
      throw new TrunklineError(
        'invalid_request',
        `A direct room has exactly two members; ${memberIds.length} were named.`,
      )
    }
    const isDistinct = post.distinct === true || post.kind === 'direct'
    const creation: Creation = {
      memberIds,
      creator,
      distinctKey: isDistinct ? derivedId(post.kind, ...[...memberIds].sort()) : undefined,
      requestKey: retryKey === undefined ? undefined : derivedId('retry', retryKey),
      requestHash: fingerprintOf(post),
    }
    const id = post.id ?? newId('room')
    try {
      return await this.#insert({ ...post, id }, creation)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      const existing = await this.#findEarlier(creation)
      if (existing) return existing
      throw new TrunklineError(
        'conflict',
        `There is a room "${id}" already. Choose another id, or leave it out.`,
        {
          cause: error,
        },
      )
    }
  }

  /** Creates a room that lets guests in, or finds what has this id. */
  async ensureGuestRoom(id: string, title: string): Promise<void> {
    if (await this.find(id)) return
    await this.create({ id, kind: 'group', title, guests: true }).catch(error => {
      // Two at once, of one node or of two: whoever comes second finds the room made.
      if (!(error instanceof TrunklineError && error.code === 'conflict')) throw error
    })
  }

  /** @throws TrunklineError `room_not_found` */
  async get(id: string): Promise<Room> {
    const room = await this.#findBy(eq(rooms.id, id))
    if (!room) throw roomNotFound()
    return room
  }

  find(id: string): Promise<Room | undefined> {
    return this.#findBy(eq(rooms.id, id))
  }

  async roleOf(roomId: string, userId: string): Promise<Role | undefined> {
    const [row] = await this.#database
      .select({ role: members.role })
      .from(members)
      .where(and(eq(members.roomId, roomId), eq(members.userId, userId)))
    return row?.role
  }

  /**
   * The role by which somebody may do this in a room. A user whose token grants the room becomes a member of it here.
   * An API key may do everything in any room there is, but lends its right to nobody who is banned there.
   * @param user in whose name a key acts
   * @throws TrunklineError `room_not_found` for who is not in it, `forbidden` for who may not
   */
  async authorise(principal: Principal, roomId: string, action: RoomAction, user?: User): Promise<Role> {
    if (principal.type === 'key') {
      await this.get(roomId)
      if (user && (await this.roleOf(roomId, user.id)) === 'banned') {
        throw new TrunklineError('forbidden', `"${user.id}" is banned from this room.`)
      }
      return 'owner'
    }
    const role =
      (await this.roleOf(roomId, principal.user.id)) ?? (await this.#enterByGrant(principal, roomId))
    assertMay(role, action)
    return role
  }

  /** Those who have been in a room longest, at most LIMITS.membersListed; neither banned nor waiting to come in. */
  members(roomId: string): Promise<Member[]> {
    return this.#listMembers(
      and(eq(members.roomId, roomId), sql`${members.role} not in ('banned', 'pending')`),
    )
  }

  async member(roomId: string, userId: string): Promise<Member | undefined> {
    const [member] = await this.#listMembers(and(eq(members.roomId, roomId), eq(members.userId, userId)))
    return member
  }

  /** Makes a user a member unless it is one already; returns the role it has then. */
  async addMember(roomId: string, user: User, role: GrantedRole): Promise<Role> {
    return this.#log.transaction(roomId, async ({ executor, append }) => {
      const [row] = await executor
        .select({ role: members.role })
        .from(members)
        .where(and(eq(members.roomId, roomId), eq(members.userId, user.id)))
      if (row) return row.role
      await append({ type: 'member.joined', sender: user.id, data: { user, role } })
      return role
    })
  }

  async #listMembers(condition: SQL | undefined): Promise<Member[]> {
    const rows = await this.#database
      .select({
        id: usersTable.id,
        name: usersTable.name,
        kind: usersTable.kind,
        role: members.role,
        deliveredSeq: members.deliveredSeq,
        readSeq: members.readSeq,
        joinedAt: members.joinedAt,
      })
      .from(members)
      .innerJoin(usersTable, eq(usersTable.id, members.userId))
      .where(condition)
      .orderBy(asc(members.joinedAt), asc(members.userId))
      .limit(LIMITS.membersListed)
    return rows.map(({ id, name, kind, joinedAt, ...rest }) => ({
      user: { id, name, kind },
      ...rest,
      joinedAt: joinedAt.toISOString(),
    }))
  }

  async #enterByGrant(principal: UserPrincipal, roomId: string): Promise<Role> {
    const granted = principal.grants.get(roomId)
    const room = granted && (await this.find(roomId))
    // A direct room has exactly two members, whatever a token says.
    if (!granted || !room || room.kind === 'direct') throw roomNotFound()
    return this.addMember(roomId, principal.user, granted)
  }

  async #findBy(condition: SQL): Promise<Room | undefined> {
    const [row] = await this.#database.select().from(rooms).where(condition)
    return row && toRoom(row)
  }

  /**
   * The room that a creation ran into and that is the one it asked for.
   * @throws TrunklineError `conflict` when its key was used for another room
   */
  async #findEarlier({ requestKey, requestHash, distinctKey }: Creation): Promise<Room | undefined> {
    if (requestKey !== undefined) {
      const [row] = await this.#database.select().from(rooms).where(eq(rooms.requestKey, requestKey))
      if (row?.requestHash?.equals(requestHash)) return toRoom(row)
      if (row) {
        throw new TrunklineError(
          'conflict',
          'This Idempotency-Key was already used for another room. Use a new one for each room.',
        )
      }
    }
    return distinctKey === undefined ? undefined : this.#findBy(eq(rooms.distinctKey, distinctKey))
  }

  #insert(post: RoomPost & { id: string }, creation: Creation): Promise<Room> {
    const { memberIds, creator, distinctKey, requestKey, requestHash } = creation
    return this.#log.creation(post.id, async ({ executor, append }) => {
      const title = post.title ?? ''
      if (!creator) await this.#users.ensureIds(executor, memberIds)
      const known = await this.#users.find(executor, memberIds)
      const unknown = memberIds.find(id => !known.has(id))
      if (unknown !== undefined) {
        throw new TrunklineError(
          'invalid_request',
          `There is no user "${unknown}". Only an API key creates users by naming them.`,
        )
      }
      const [row] = await executor
        .insert(rooms)
        .values({
          id: post.id,
          kind: post.kind,
          title,
          metadata: post.metadata ?? {},
          guests: post.guests ?? false,
          distinctKey,
          requestKey,
          requestHash: requestKey === undefined ? undefined : requestHash,
          createdBy: creator?.id,
        })
        .returning()
      if (!row) throw new Error('an insert returned no row')
      const sender = creator?.id
      const settings = { metadata: post.metadata, guests: post.guests }
      let last = await append({ type: 'room.created', sender, data: { kind: post.kind, title, ...settings } })
      for (const userId of memberIds) {
        const user = known.get(userId) as User
        const role = userId === sender && post.kind !== 'direct' ? 'owner' : DEFAULT_ROLE[post.kind]
        last = await append({ type: 'member.joined', sender, data: { user, role } })
      }
      return { ...toRoom(row), memberCount: memberIds.length, lastSeq: last.event.seq }
    })
  }
}
