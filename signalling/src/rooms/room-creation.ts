import { isUniqueViolation } from '@trunkline/kit'
import { type GrantedRole, type Room, type RoomPost, TrunklineError, type User } from '@trunkline/protocol'
import { eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { Users } from '../identity/users.ts'
import { derivedId, newId } from '../ids.ts'
import type { EventLog } from '../log/event-log.ts'
import { rooms as roomsTable } from '../schema.ts'
import { assertMayBring, namedUsers } from './named-users.ts'
import { fingerprintOf } from './room-post.ts'
import { assertSuitsKind } from './room-settings.ts'
import { type Rooms, toRoom } from './rooms.ts'

/** What a breakout is beside a room: of which it is one, and who moderates it. */
type BreakoutOf = { parentId: string; hosts: ReadonlySet<string> }

/** What a room is created with beside what was posted. */
type Creation = {
  memberIds: readonly string[]
  creator: User | undefined
  createsUsers: boolean
  distinctKey: string | undefined
  requestKey: string | undefined
  requestHash: Buffer
  breakout: BreakoutOf | undefined
  /** Whose coming made it, who is not its owner for that. */
  madeBy: string | undefined
}

/** What a room has that nobody said anything about. A channel is there to be followed. */
const settingsOf = (post: RoomPost) => ({
  title: post.title ?? '',
  description: post.description ?? '',
  avatar: post.avatar ?? null,
  access: post.access ?? (post.kind === 'channel' ? ('open' as const) : ('invite' as const)),
  defaultRole: post.defaultRole ?? (post.kind === 'channel' ? ('member' as const) : ('publisher' as const)),
  lobby: post.lobby ?? false,
  defaultCallRole: post.defaultCallRole ?? ('speaker' as const),
  metadata: post.metadata ?? {},
  guests: post.guests ?? false,
  retentionDays: post.retentionDays ?? null,
})

/** How rooms come to be. */
export class RoomCreation {
  readonly #database: Database
  readonly #log: EventLog
  readonly #users: Users
  readonly #rooms: Rooms

  constructor(deps: { database: Database; log: EventLog; users: Users; rooms: Rooms }) {
    this.#database = deps.database
    this.#log = deps.log
    this.#users = deps.users
    this.#rooms = deps.rooms
  }

  /**
   * Creates a room with its members, or finds the one that already is it (`direct` and `distinct` rooms, retries).
   * @param options.creator becomes owner (publisher in a direct room)
   * @param options.createsUsers whether unknown users named as members are created, as for an API key; by default where
   *   there is no creator
   * @param options.retryKey the same key gives the same room; from `Idempotency-Key`
   * @throws TrunklineError `forbidden` for guests; `invalid_request` for users that do not exist and for settings the
   *   kind of room cannot have; `conflict` for a taken id, or a key used again for another room
   */
  async create(
    post: RoomPost,
    options: {
      creator?: User | undefined
      createsUsers?: boolean
      retryKey?: string | undefined
      breakout?: BreakoutOf
      madeBy?: string | undefined
    } = {},
  ): Promise<Room> {
    const { creator, createsUsers = !creator, retryKey } = options
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
    assertSuitsKind(post.kind, post)
    const isDistinct = post.distinct === true || post.kind === 'direct'
    const creation: Creation = {
      memberIds,
      creator,
      createsUsers,
      distinctKey: isDistinct ? derivedId(post.kind, ...[...memberIds].sort()) : undefined,
      requestKey: retryKey,
      requestHash: fingerprintOf(post),
      breakout: options.breakout,
      madeBy: options.madeBy,
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
        { cause: error },
      )
    }
  }

  /**
   * Creates a room that lets guests in, or finds what has this id.
   * @param madeBy the guest who came into it: it may go when they have gone
   */
  ensureGuestRoom(id: string, title: string, madeBy?: string): Promise<void> {
    return this.#ensure({ id, kind: 'group', title, guests: true }, madeBy)
  }

  /** Creates an open channel in which everybody may write, or finds what has this id. */
  ensureDemoChannel(id: string, title: string): Promise<void> {
    return this.#ensure({
      id,
      kind: 'channel',
      title,
      description: 'Where everybody is who tries Trunkline out here',
      access: 'open',
      defaultRole: 'publisher',
    })
  }

  async #ensure(post: RoomPost & { id: string }, madeBy?: string): Promise<void> {
    if (await this.#rooms.find(post.id)) return
    await this.create(post, { madeBy }).catch(error => {
      // Two at once, of one node or of two: whoever comes second finds the room made.
      if (!(error instanceof TrunklineError && error.code === 'conflict')) throw error
    })
  }

  /**
   * The room that a creation ran into and that is the one it asked for.
   * @throws TrunklineError `conflict` when its key was used for another room
   */
  async #findEarlier({ requestKey, requestHash, distinctKey }: Creation): Promise<Room | undefined> {
    if (requestKey !== undefined) {
      const [row] = await this.#database
        .select()
        .from(roomsTable)
        .where(eq(roomsTable.requestKey, requestKey))
      if (row?.requestHash?.equals(requestHash)) return toRoom(row)
      if (row) {
        throw new TrunklineError(
          'conflict',
          'This Idempotency-Key was already used for another room. Use a new one for each room.',
        )
      }
    }
    if (distinctKey === undefined) return undefined
    const [row] = await this.#database
      .select()
      .from(roomsTable)
      .where(eq(roomsTable.distinctKey, distinctKey))
    return row && toRoom(row)
  }

  #insert(post: RoomPost & { id: string }, creation: Creation): Promise<Room> {
    const { memberIds, creator, createsUsers, distinctKey, requestKey, requestHash, breakout } = creation
    const { id, kind } = post
    return this.#log.creation(id, async ({ executor, append }) => {
      const known = await namedUsers(this.#users, executor, memberIds, { create: createsUsers })
      const settings = settingsOf(post)
      await executor.insert(roomsTable).values({
        id,
        kind,
        ...settings,
        parentId: breakout?.parentId,
        distinctKey,
        requestKey,
        requestHash: requestKey === undefined ? undefined : requestHash,
        createdBy: creator?.id ?? creation.madeBy,
      })
      // A room that exists is found above, blocks or not.
      if (creator && !createsUsers) await assertMayBring(executor, creator.id, memberIds)
      const sender = creator?.id
      await append({
        type: 'room.created',
        sender,
        data: { kind, ...settings, parentId: breakout?.parentId },
      })
      for (const userId of memberIds) {
        const isOwner = userId === sender && kind !== 'direct'
        const isHost = breakout?.hosts.has(userId) ?? false
        const role: GrantedRole = isOwner ? 'owner' : isHost ? 'moderator' : settings.defaultRole
        await append({ type: 'member.joined', sender, data: { user: known.get(userId) as User, role } })
      }
      const [row] = await executor.select().from(roomsTable).where(eq(roomsTable.id, id))
      if (!row) throw new Error('a room that was just made is not there')
      return toRoom(row)
    })
  }
}
