import type { PresenceStatus, RoomPresence } from '@trunkline/protocol'
import type { FanOut } from '../fan-out.ts'
import type { Session } from '../session.ts'

const RANK: Readonly<Record<PresenceStatus, number>> = { offline: 0, away: 1, online: 2 }

/**
 * Who has a room open, over all nodes. Nothing is stored: the sockets themselves are asked, so a node that dies takes
 * its presence with it.
 */
export class Presence {
  readonly #fanOut: FanOut

  constructor(fanOut: FanOut) {
    this.#fanOut = fanOut
  }

  async inRoom(roomId: string): Promise<RoomPresence[]> {
    const statuses = await this.#statuses(roomId)
    return [...statuses].map(([userId, status]) => ({ userId, status }))
  }

  /** A socket has just opened or closed a room, or is gone: tells the room what that makes of its user. */
  async changed(session: Session, roomId: string): Promise<void> {
    const { userId } = session.data
    const status = (await this.#statuses(roomId)).get(userId) ?? 'offline'
    this.#fanOut.toRoom(roomId).emit('presence:changed', { roomId, userId, status })
  }

  async set(session: Session, status: 'online' | 'away'): Promise<void> {
    if (session.data.status === status) return
    session.data.status = status
    await Promise.all([...session.data.rooms].map(roomId => this.changed(session, roomId)))
  }

  /** The best status over a user's sockets: away on the phone and online at the desk is online. */
  async #statuses(roomId: string): Promise<Map<string, PresenceStatus>> {
    const statuses = new Map<string, PresenceStatus>()
    for (const { userId, status } of await this.#fanOut.inRoom(roomId)) {
      const best = statuses.get(userId) ?? 'offline'
      statuses.set(userId, RANK[status] > RANK[best] ? status : best)
    }
    return statuses
  }
}
