import {
  LIMITS,
  type OperationAnswer,
  type OperationData,
  type Presence,
  type PresenceStatus,
} from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'

export type PresencesEvents = {
  /** How this user is there now. */
  changed: [Presence]
}

type Own = OperationData<'presence:set'>

/** How people are there: members of open rooms by themselves, others while they are watched. */
export class Presences extends Emitter<PresencesEvents> {
  readonly #connection: Connection
  readonly #known = new Map<string, Presence>()
  #watched: string[] = []
  /** What was said of this device; a new connection has to be told. */
  #status: Own['status'] = 'online'

  constructor(connection: Connection) {
    super()
    this.#connection = connection
    connection.on('presence:changed', presence => this.#put(presence))
    connection.on('state', state => {
      if (state !== 'connected') return
      if (this.#status === 'away') void this.#request({ status: 'away' })
      if (this.#watched.length > 0) this.#rewatch().catch(() => undefined)
    })
  }

  /** How a user is there: offline when nothing is known. */
  of(userId: string): Presence {
    return this.#known.get(userId) ?? { userId, status: 'offline' }
  }

  /** The status of a user alone. */
  statusOf(userId: string): PresenceStatus {
    return this.of(userId).status
  }

  /**
   * Hears of these users from now on, in place of those watched before, and across reconnects. Members of open rooms
   * need not be watched. Those one shares no room with stay offline.
   * @param userIds at most LIMITS.presenceWatched of them count
   */
  async watch(userIds: Iterable<string>): Promise<void> {
    this.#watched = [...new Set(userIds)].slice(0, LIMITS.presenceWatched)
    if (this.#connection.state === 'connected') await this.#rewatch()
  }

  /**
   * Says how one is there. `online` and `away` are of this device, and are said again after a reconnect; `dnd`,
   * `custom` (null takes it away) and `hidden` (seen as offline by others) are of the user, on all devices.
   * @throws TrunklineError `unavailable` without a connection; a status is then said once there is one
   */
  set(own: Own): Promise<OperationAnswer<'presence:set'>> {
    if (own.status) this.#status = own.status
    return this.#connection.request('presence:set', own)
  }

  /** What the opening of a room told of its members: those not named are offline. */
  learn(memberIds: Iterable<string>, presence: readonly Presence[]): void {
    const told = new Map(presence.map(it => [it.userId, it]))
    for (const userId of memberIds) this.#put(told.get(userId) ?? { userId, status: 'offline' })
  }

  close(): void {
    this.removeAllListeners()
  }

  async #rewatch(): Promise<void> {
    const userIds = this.#watched
    const { data } = await this.#connection.request('presence:watch', { userIds })
    if (userIds === this.#watched) this.learn(userIds, data)
  }

  #put(presence: Presence): void {
    const known = this.#known.get(presence.userId)
    if (known ? isSame(known, presence) : presence.status === 'offline' && !presence.custom) {
      this.#known.set(presence.userId, presence)
      return
    }
    this.#known.set(presence.userId, presence)
    this.emit('changed', presence)
  }

  #request(own: Own): Promise<unknown> {
    return this.#connection.request('presence:set', own).catch(() => undefined)
  }
}

const isSame = (a: Presence, b: Presence): boolean => JSON.stringify(a) === JSON.stringify(b)
