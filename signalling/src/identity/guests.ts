import {
  type DefaultRole,
  type DemoTokenRequest,
  type GuestTokenRequest,
  type IssuedToken,
  LIMITS,
  TrunklineError,
} from '@trunkline/protocol'
import { newId } from '../ids.ts'
import type { RoomCreation } from '../rooms/room-creation.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { UserPrincipal } from './authenticate.ts'
import type { Tokens } from './tokens.ts'
import type { Users } from './users.ts'

/** The channel of those who try messaging out. */
const DEMO_CHANNEL = 'town-square'

/**
 * People who come in by a link: a user with an expiring token, member of the one room they came for. Where a host lets people
 * into the room's calls they are that only once they were let in; until then their token is all they have.
 */
export class Guests {
  readonly #rooms: Rooms
  readonly #roomCreation: RoomCreation
  readonly #users: Users
  readonly #tokens: Tokens
  readonly #isDemo: boolean

  /** @param deps.demo every room lets guests in, and one that does not exist is made: for trying Trunkline out */
  constructor(deps: {
    rooms: Rooms
    roomCreation: RoomCreation
    users: Users
    tokens: Tokens
    demo: boolean
  }) {
    this.#rooms = deps.rooms
    this.#roomCreation = deps.roomCreation
    this.#users = deps.users
    this.#tokens = deps.tokens
    this.#isDemo = deps.demo
  }

  /**
   * @param returning a guest who still has a valid token stays the same user
   * @throws TrunklineError `room_not_found` when the room does not let guests in or does not exist: not told apart
   */
  async admit({ roomId, name }: GuestTokenRequest, returning?: UserPrincipal): Promise<IssuedToken> {
    const id = returning?.user.kind === 'guest' ? returning.user.id : newId('gst')
    const { isNew, lobbyRole } = await this.#open(roomId, id)
    const user = await this.#users.ensure({ id, name, kind: 'guest' })
    if (lobbyRole && (await this.#rooms.roleOf(roomId, id)) === undefined) {
      // Whoever waits at several doors still does.
      const grants = [...(returning?.grants ?? []), [roomId, lobbyRole] as const]
      const rooms = Object.fromEntries(grants.slice(-LIMITS.grantsPerToken))
      return this.#tokens.issue(user, { ttlSeconds: LIMITS.guestTokenSeconds, rooms })
    }
    const role = await this.#rooms.enter(roomId, user, room =>
      // Somebody has to look after the calls of a room that was made by coming into it.
      isNew ? 'moderator' : room.defaultRole,
    )
    if (role === 'banned') throw guestsNotAdmitted()
    return this.#tokens.issue(user, { ttlSeconds: LIMITS.guestTokenSeconds })
  }

  /**
   * A new user of the demo, in the channel that everybody who tries Trunkline out is in.
   * @throws TrunklineError `not_found` on a server that runs no demo
   */
  async admitToDemo({ name }: DemoTokenRequest): Promise<IssuedToken> {
    if (!this.#isDemo) {
      throw new TrunklineError('not_found', 'This server runs no demo. Ask its operator for a token.')
    }
    await this.#roomCreation.ensureDemoChannel(DEMO_CHANNEL, 'Town square')
    const user = await this.#users.ensure({ id: newId('usr'), name, kind: 'user' })
    await this.#rooms.enter(DEMO_CHANNEL, user, () => 'publisher')
    return this.#tokens.issue(user, { ttlSeconds: LIMITS.demoTokenSeconds })
  }

  /**
   * @returns whether the room was made for who comes, as in the demo every address is a room; and as what guests come in who
   *   have to be let in
   */
  async #open(roomId: string, guestId: string): Promise<{ isNew: boolean; lobbyRole?: DefaultRole }> {
    const room = await this.#rooms.find(roomId)
    // Exactly two, whoever asks.
    if (room?.kind === 'direct') throw guestsNotAdmitted()
    // The address of a breakout is no way around the lobby of its room, in the demo neither.
    if (room && (room.guests || (this.#isDemo && room.parentId === undefined))) {
      return { isNew: false, ...(room.lobby && { lobbyRole: room.defaultRole }) }
    }
    if (room || !this.#isDemo) throw guestsNotAdmitted()
    await this.#roomCreation.ensureGuestRoom(roomId, roomId, guestId)
    return { isNew: true }
  }
}

const guestsNotAdmitted = () =>
  new TrunklineError(
    'room_not_found',
    'There is no such room, or it does not let guests in. Ask whoever invited you for a token.',
  )
