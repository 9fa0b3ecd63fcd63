import {
  type GrantedRole,
  type Member,
  type Role,
  type Room,
  type RoomPost,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import { and, asc, eq, type SQL, sql } from 'drizzle-orm'
import { type Database, sqlStateOf, UNIQUE_VIOLATION } from '../database.ts'
import type { UserPrincipal } from '../identity/authenticate.ts'
import type { Users } from '../identity/users.ts'
import { derivedId, newId } from '../ids.ts'
import type { EventLog } from '../log/event-log.ts'
import { members, rooms, users as usersTable } from '../schema.ts'
import { type Action, assertMay, roomNotFound } from './roles.ts'

type RoomRow = typeof rooms.$inferSelect

const toRoom = (row: RoomRow): Room => ({
  id: row.id,
  kind: row.kind,
  title: row.title,
  metadata: row.metadata,
  guests: row.guests,
  lastSeq: row.lastSeq,
  createdAt: row.createdAt.toISOString(),
})

/** Role of those named when a room is created. */
const DEFAULT_ROLE: Readonly<Record<RoomPost['kind'], GrantedRole>> = {
  direct: 'publisher',
  group: 'publisher',
  channel: 'member',
}

/** Enough to find somebody without sending thousands of rows to each who opens a large room. */
const MEMBERS_LISTED = 1_000

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
   * @param options.creator becomes owner (publisher in a direct room)
   * @param options.retryKey the same key gives the same room; from `Idempotency-Key`
   */
  async create(
    post: RoomPost,
    options: { creator?: string | undefined; retryKey?: string | undefined } = {},
  ): Promise<Room> {
    const { creator, retryKey } = options
    const memberIds = [...new Set([...(creator ? [creator] : []), ...(post.members ?? [])])]
    if (post.kind === 'direct' && memberIds.length !== 2) {
      throw new TrunklineError(
        'invalid_request',
        `A direct room has exactly two members; ${memberIds.length} were named.`,
      )
    }
    const isDistinct = post.distinct === true || post.kind === 'direct'
    const distinctKey = isDistinct ? derivedId(post.kind, ...[...memberIds].sort()) : undefined
    const id = post.id ?? (retryKey ? derivedId('room', retryKey) : newId('room'))
    try {
      return await this.#insert({ ...post, id }, { memberIds, creator, distinctKey })
    } catch (error) {
      if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error
      const existing = distinctKey
        ? await this.#findBy(eq(rooms.distinctKey, distinctKey))
        : retryKey && !post.id
          ? await this.#findBy(eq(rooms.id, id))
          : undefined
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
   * The role with which this user is in a room, checked against what it wants to do there. A user whose token grants
   * the room becomes a member of it here.
   * @throws TrunklineError `room_not_found` for who is not in it, `forbidden` for who may not
   */
  async authorise(principal: UserPrincipal, roomId: string, action: Action): Promise<Role> {
    const role =
      (await this.roleOf(roomId, principal.user.id)) ?? (await this.#enterByGrant(principal, roomId))
    assertMay(role, action)
    return role
  }

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
    return this.#log.transaction(roomId, async (executor, append) => {
      const [added] = await executor
        .insert(members)
        .values({ roomId, userId: user.id, role })
        .onConflictDoNothing()
        .returning({ role: members.role })
      if (added) {
        await append({ type: 'member.joined', sender: user.id, data: { user, role } })
        return role
      }
      const [row] = await executor
        .select({ role: members.role })
        .from(members)
        .where(and(eq(members.roomId, roomId), eq(members.userId, user.id)))
      if (!row) throw roomNotFound()
      return row.role
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
      .limit(MEMBERS_LISTED)
    return rows.map(({ id, name, kind, joinedAt, ...rest }) => ({
      user: { id, name, kind },
      ...rest,
      joinedAt: joinedAt.toISOString(),
    }))
  }

  async #enterByGrant(principal: UserPrincipal, roomId: string): Promise<Role> {
    const granted = principal.grants.get(roomId)
    if (!granted || !(await this.find(roomId))) throw roomNotFound()
    return this.addMember(roomId, principal.user, granted)
  }

  async #findBy(condition: SQL): Promise<Room | undefined> {
    const [row] = await this.#database.select().from(rooms).where(condition)
    return row && toRoom(row)
  }

  #insert(
    post: RoomPost & { id: string },
    options: { memberIds: string[]; creator: string | undefined; distinctKey: string | undefined },
  ): Promise<Room> {
    const { memberIds, creator, distinctKey } = options
    return this.#log.transaction(post.id, async (executor, append) => {
      const title = post.title ?? ''
      await this.#users.ensureIds(executor, memberIds)
      const [row] = await executor
        .insert(rooms)
        .values({
          id: post.id,
          kind: post.kind,
          title,
          metadata: post.metadata ?? {},
          guests: post.guests ?? false,
          distinctKey,
          createdBy: creator,
        })
        .returning()
      if (!row) throw new Error('an insert returned no row')
      let last = await append({ type: 'room.created', sender: creator, data: { kind: post.kind, title } })
      const known = await this.#users.find(executor, memberIds)
      for (const userId of memberIds) {
        const user = known.get(userId)
        if (!user) throw new Error('a member was not created')
        const role = userId === creator && post.kind !== 'direct' ? 'owner' : DEFAULT_ROLE[post.kind]
        await executor.insert(members).values({ roomId: post.id, userId, role })
        last = await append({ type: 'member.joined', sender: creator, data: { user, role } })
      }
      return { ...toRoom(row), lastSeq: last.seq }
    })
  }
}
