import type { PresenceStatus, RoomPresence } from '@trunkline/protocol'
import { audience, type Session, type TrunklineServer } from '../session.ts'

const RANK: Readonly<Record<PresenceStatus, number>> = { offline: 0, away: 1, online: 2 }

/**
 * Who has a room open, over all nodes. Nothing is stored: the sockets themselves are asked, so a node that dies takes
 * its presence with it.
 */
export class Presence {
  readonly #io: TrunklineServer

  constructor(io: TrunklineServer) {
    this.#io = io
  }

  async inRoom(roomId: string): Promise<RoomPresence[]> {
    const statuses = await this.#statuses(roomId)
    return [...statuses].map(([userId, status]) => ({ userId, status }))
  }

  /** A socket has just opened or closed a room, or is gone: tells the room what that makes of its user. */
  async changed(session: Session, roomId: string): Promise<void> {
    const { userId } = session.data
    const status = (await this.#statuses(roomId)).get(userId) ?? 'offline'
    this.#io.to(audience.room(roomId)).emit('presence:changed', { roomId, userId, status })
  }

  async set(session: Session, status: 'online' | 'away'): Promise<void> {
    if (session.data.status === status) return
    session.data.status = status
    await Promise.all([...session.data.rooms].map(roomId => this.changed(session, roomId)))
  }

  /** The best status over a user's sockets: away on the phone and online at the desk is online. */
  async #statuses(roomId: string): Promise<Map<string, PresenceStatus>> {
    const statuses = new Map<string, PresenceStatus>()
    for (const { data } of await this.#io.in(audience.room(roomId)).fetchSockets()) {
      const best = statuses.get(data.userId) ?? 'offline'
      statuses.set(data.userId, RANK[data.status] > RANK[best] ? data.status : best)
    }
    return statuses
  }
}
