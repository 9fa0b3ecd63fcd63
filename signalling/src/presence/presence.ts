import type { Presence as PresenceInfo, PresenceStatus } from '@trunkline/protocol'
import type { FanOut } from '../fan-out.ts'
import { audience, type Session } from '../session.ts'

const RANK: Readonly<Record<PresenceStatus, number>> = { offline: 0, away: 1, online: 2, dnd: 3 }

/** The best status over a user's sockets: away on the phone and online at the desk is online. */
const better = (a: PresenceStatus | undefined, b: PresenceStatus): PresenceStatus =>
  a !== undefined && RANK[a] >= RANK[b] ? a : b

/**
 * Who has a room open, over all nodes. Nothing is stored: the sockets themselves are asked, so a node that dies takes
 * its presence with it.
 */
export class Presence {
  readonly #fanOut: FanOut

  constructor(fanOut: FanOut) {
    this.#fanOut = fanOut
  }

  async inRoom(roomId: string): Promise<PresenceInfo[]> {
    const statuses = new Map<string, PresenceStatus>()
    for (const { userId, status } of await this.#fanOut.inRoom(roomId)) {
      statuses.set(userId, better(statuses.get(userId), status))
    }
    return [...statuses].map(([userId, status]) => ({ userId, status }))
  }

  /**
   * A socket has just opened or closed rooms, changed its status, or is gone: tells each of these rooms what that makes
   * of its user. The user's sockets are asked once: a room may have thousands, and there may be two hundred rooms.
   */
  async changed(session: Session, roomIds: Iterable<string>): Promise<void> {
    const ids = [...roomIds]
    if (ids.length === 0) return
    const { userId } = session.data
    const sockets = await this.#fanOut.ofUser(userId)
    for (const roomId of ids) {
      const there = sockets.filter(socket => socket.rooms.has(audience.room(roomId)))
      const status = there.reduce<PresenceStatus>((best, { data }) => better(best, data.status), 'offline')
      this.#fanOut.toRoom(roomId).emit('presence:changed', { userId, status })
    }
  }

  async set(session: Session, status: 'online' | 'away'): Promise<void> {
    if (session.data.status === status) return
    session.data.status = status
    await this.changed(session, session.data.rooms)
  }
}
