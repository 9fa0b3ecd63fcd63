import { KeyedMutex, type Logger } from '@trunkline/kit'
import type { Database } from '../database.ts'
import { audience, listen, type Session, sessionsOf, type TrunklineServer } from '../session.ts'
import { sharing } from './sharing.ts'

const PREFIX = audience.presence('')

const watchedBy = (session: Session): string[] =>
  [...session.rooms].flatMap(name => (name.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []))

/** Whom each socket watches: only users it shares a room with, and no longer than it does. */
export class Watches {
  readonly #io: TrunklineServer
  readonly #database: Database
  readonly #logger: Logger
  /** By socket: of two lists at once the later one holds. */
  readonly #order = new KeyedMutex()

  constructor(deps: { io: TrunklineServer; database: Database; logger: Logger }) {
    this.#io = deps.io
    this.#database = deps.database
    this.#logger = deps.logger
  }

  /**
   * Watches these users in place of those before.
   * @returns those who may be watched
   */
  replace(session: Session, userIds: readonly string[]): Promise<string[]> {
    return this.#order.run(session.id, () => this.#replace(session, userIds))
  }

  async #replace(session: Session, userIds: readonly string[]): Promise<string[]> {
    const wanted = new Set(userIds)
    for (const userId of watchedBy(session)) {
      if (!wanted.has(userId)) await session.leave(audience.presence(userId))
    }
    // Only who may be watched, so that nothing is heard of strangers in between; and once more after it listens, for
    // who was banned in between.
    const allowed = await this.#allowed(session.data.userId, [...wanted])
    for (const userId of wanted) {
      if (allowed.has(userId)) await listen(session, audience.presence(userId))
      else await session.leave(audience.presence(userId))
    }
    const still = await this.#allowed(session.data.userId, [...allowed])
    for (const userId of allowed) {
      if (!still.has(userId)) await session.leave(audience.presence(userId))
    }
    return [...still]
  }

  /** Somebody came into a room, left it, or was banned: whoever shares none with them any more stops watching. */
  memberChanged(userId: string): void {
    void this.#recheck(userId)
  }

  /** To share a room is mutual: one look tells who may watch this user, and whom the user may. */
  async #recheck(userId: string): Promise<void> {
    const { adapter, sockets } = this.#io.of('/')
    const watchers = [...(adapter.rooms.get(audience.presence(userId)) ?? [])].flatMap(
      id => sockets.get(id) ?? [],
    )
    const own = sessionsOf(this.#io, userId)
    const others = new Set([...watchers.map(({ data }) => data.userId), ...own.flatMap(watchedBy)])
    if (others.size === 0) return
    const allowed = await this.#allowed(userId, [...others]).catch(error => {
      // Who cannot be looked up is not watched: to miss a notice is better than to hear too much.
      this.#logger.warn({ err: error }, 'who may watch whom could not be looked up')
      return new Set<string>()
    })
    for (const session of watchers) {
      if (!allowed.has(session.data.userId)) await session.leave(audience.presence(userId))
    }
    for (const session of own) {
      for (const watched of watchedBy(session)) {
        if (others.has(watched) && !allowed.has(watched)) await session.leave(audience.presence(watched))
      }
    }
  }

  async #allowed(userId: string, others: readonly string[]): Promise<Set<string>> {
    const allowed = await sharing(this.#database, userId, others)
    if (others.includes(userId)) allowed.add(userId)
    return allowed
  }
}
