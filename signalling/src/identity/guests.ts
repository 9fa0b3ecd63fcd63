import {
  type DefaultRole,
  type DemoTokenRequest,
  type GrantedRole,
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
 * People who come in by a link: a user with an expiring token that grants the one room they came for. They are members of it
 * from the first time they ask for anything there; where a host lets people into the room's calls, once they were let in.
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
   * A token that lets its holder into the room. It is in the room from the first time it does anything there: whoever only
   * looks at the door leaves no trace.
   * @param returning a guest who still has a valid token stays the same user
   * @throws TrunklineError `room_not_found` when the room does not let guests in or does not exist: not told apart
   */
  async admit({ roomId, name }: GuestTokenRequest, returning?: UserPrincipal): Promise<IssuedToken> {
    const guest = returning?.user.kind === 'guest' ? returning : undefined
    const id = guest?.user.id ?? newId('gst')
    const defaultRole = await this.#open(roomId, id)
    const role = guest && (await this.#rooms.roleOf(roomId, id))
    if (role === 'banned') throw guestsNotAdmitted()
    const user = await this.#users.ensure({ id, name, kind: 'guest' })
    const kept = guest ? await this.#keptGrants(guest, roomId) : []
    const isIn = role !== undefined && role !== 'pending'
    const grants = isIn ? kept : [...kept, [roomId, defaultRole] as const]
    const rooms = Object.fromEntries(grants.slice(-LIMITS.grantsPerToken))
    const calls = Object.fromEntries(guest?.calls ?? [])
    return this.#tokens.issue(user, { ttlSeconds: LIMITS.guestTokenSeconds, rooms, calls })
  }

  /** What a guest may come into elsewhere: a newer token does not bring back who was sent away since it had the one it shows. */
  async #keptGrants(guest: UserPrincipal, roomId: string): Promise<[string, GrantedRole][]> {
    const others = [...guest.grants].filter(([other]) => other !== roomId)
    const barred = await Promise.all(others.map(([other]) => this.#rooms.isBarred(guest, other)))
    return others.filter((_, n) => !barred[n])
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

  /** @returns as what guests come into the room, which is made for who comes in the demo: there every address is a room */
  async #open(roomId: string, guestId: string): Promise<DefaultRole> {
    const room = await this.#rooms.find(roomId)
    // Exactly two, whoever asks.
    if (room?.kind === 'direct') throw guestsNotAdmitted()
    // The address of a breakout is no way around the lobby of its room, in the demo neither.
    if (room && (room.guests || (this.#isDemo && room.parentId === undefined))) return room.defaultRole
    if (room || !this.#isDemo) throw guestsNotAdmitted()
    await this.#roomCreation.ensureGuestRoom(roomId, roomId, guestId)
    return (await this.#rooms.get(roomId)).defaultRole
  }
}

const guestsNotAdmitted = () =>
  new TrunklineError(
    'room_not_found',
    'There is no such room, or it does not let guests in. Ask whoever invited you for a token.',
  )
