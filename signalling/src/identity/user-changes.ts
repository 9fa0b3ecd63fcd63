import type { Logger } from '@trunkline/kit'
import { LIMITS } from '@trunkline/protocol'
import type { ClusterBus } from '../cluster/cluster-bus.ts'
import type { Database } from '../database.ts'
import { roomsOf } from '../presence/sharing.ts'
import { audience, type TrunklineServer } from '../session.ts'
import type { Users } from './users.ts'

/** When to try again after the database failed, ms. */
const RETRY_MS = 1_000

/**
 * Tells sockets that a user has another name or picture: those that hear a room of the user or watch it, and its own. Every
 * node tells its own sockets, and hears of what was changed at the others through Redis. Each user is told of every
 * LIMITS.presenceEveryMs at most, and then as it is in the end.
 */
export class UserChanges {
  readonly #io: TrunklineServer
  readonly #database: Database
  readonly #users: Users
  readonly #bus: ClusterBus | undefined
  readonly #logger: Logger
  readonly #due = new Set<string>()
  /** Those who were told of just now, and whether they have changed since. */
  readonly #resting = new Map<string, boolean>()
  /** Those who changed while the other nodes could not be told. */
  readonly #untold = new Set<string>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #isTelling = false
  #isClosed = false

  constructor(deps: {
    io: TrunklineServer
    database: Database
    users: Users
    bus: ClusterBus | undefined
    logger: Logger
  }) {
    this.#io = deps.io
    this.#database = deps.database
    this.#users = deps.users
    this.#bus = deps.bus
    this.#logger = deps.logger
    deps.users.onChange(userId => {
      this.#learn([userId])
      void this.#tellOthers([userId])
    })
    deps.bus?.onMessage((message, from) => {
      if (message.kind === 'back') void this.#tellOthers([...this.#untold])
      if (message.kind !== 'users' || from === deps.bus?.id) return
      for (const userId of message.userIds) this.#users.forget(userId)
      this.#learn(message.userIds)
    })
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  async #tellOthers(userIds: string[]): Promise<void> {
    if (!this.#bus || userIds.length === 0) return
    const isTold = await this.#bus.send({ kind: 'users', userIds })
    for (const userId of userIds) {
      if (isTold) this.#untold.delete(userId)
      else this.#untold.add(userId)
    }
  }

  #learn(userIds: readonly string[]): void {
    for (const userId of userIds) {
      if (this.#resting.has(userId)) this.#resting.set(userId, true)
      else this.#due.add(userId)
    }
    void this.#tell()
  }

  /** One look at a time, so that what is told of a user is in order. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return
    this.#isTelling = true
    while (this.#due.size > 0 && !this.#isClosed) {
      const userIds = [...this.#due]
      this.#due.clear()
      try {
        await this.#say(userIds)
      } catch (error) {
        this.#logger.warn({ err: error }, 'changes of users could not be told of; trying again')
        this.#after(RETRY_MS, () => this.#learn(userIds))
        break
      }
    }
    this.#isTelling = false
  }

  async #say(userIds: readonly string[]): Promise<void> {
    if (this.#io.of('/').sockets.size === 0) return
    const [users, rooms] = await Promise.all([
      this.#users.find(this.#database, userIds),
      roomsOf(this.#database, userIds),
    ])
    for (const [userId, user] of users) {
      const roomIds = rooms.get(userId) ?? []
      this.#io.local
        .to([
          ...roomIds.flatMap(id => [audience.room(id), audience.inbox(id)]),
          audience.presence(userId),
          audience.user(userId),
        ])
        .emit('user:changed', user)
      this.#rest(userId)
    }
  }

  #rest(userId: string): void {
    this.#resting.set(userId, false)
    this.#after(LIMITS.presenceEveryMs, () => {
      const hasChanged = this.#resting.get(userId)
      this.#resting.delete(userId)
      if (hasChanged) this.#learn([userId])
    })
  }

  #after(ms: number, act: () => void): void {
    if (this.#isClosed) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
  }
}
