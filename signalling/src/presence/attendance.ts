import type { Attending, ConnectedStatus } from '../cluster/cluster-message.ts'

export type Attendance = ConnectedStatus | 'offline'

/** A user whose best status over all sockets is another than before. */
export type Change = { userId: string; before: Attendance }

const RANK: Readonly<Record<Attendance, number>> = { offline: 0, away: 1, online: 2 }
const better = <T extends Attendance>(a: T, b: T): T => (RANK[a] >= RANK[b] ? a : b)

type OwnSocket = { status: ConnectedStatus; isLost: boolean }

/**
 * Who is connected, and at which node: this node's users socket by socket, the others' as they say. All of it is in
 * memory, about 150 bytes for each connected user of the installation, so that to ask costs nothing and never waits.
 */
export class AttendanceRecord {
  readonly #own = new Map<string, Map<string, OwnSocket>>()
  readonly #peers = new Map<string, Map<string, Attending>>()

  /** The best status over all sockets: away on the phone and online at the desk is online. */
  statusOf(userId: string): Attendance {
    let best: Attendance = this.ownOf(userId)?.status ?? 'offline'
    for (const peer of this.#peers.values()) best = better(best, peer.get(userId)?.status ?? 'offline')
    return best
  }

  /** Sockets connected now. */
  socketsOf(userId: string): number {
    let sockets = this.ownOf(userId)?.sockets ?? 0
    for (const peer of this.#peers.values()) sockets += peer.get(userId)?.sockets ?? 0
    return sockets
  }

  /** What this node has of a user. */
  ownOf(userId: string): Attending | undefined {
    const sockets = this.#own.get(userId)
    if (!sockets) return undefined
    const all = [...sockets.values()]
    return {
      status: all.map(socket => socket.status).reduce(better),
      sockets: all.filter(socket => !socket.isLost).length,
    }
  }

  ownUsers(): [userId: string, Attending][] {
    return [...this.#own.keys()].map(userId => [userId, this.ownOf(userId) as Attending])
  }

  /** A socket is connected and has this status. One that comes takes the place of those just lost. */
  set(userId: string, socketId: string, status: ConnectedStatus): Change[] {
    return this.#changing([userId], () => {
      const sockets = this.#own.get(userId) ?? new Map<string, OwnSocket>()
      const isNew = !sockets.has(socketId)
      for (const [id, { isLost }] of sockets) if (isNew && isLost) sockets.delete(id)
      this.#own.set(userId, sockets.set(socketId, { status, isLost: false }))
    })
  }

  /** A socket is gone, and still counts until {@link forget}: its user may be about to come back. */
  lose(userId: string, socketId: string): void {
    const socket = this.#own.get(userId)?.get(socketId)
    if (socket) socket.isLost = true
  }

  /** Whether this socket is all a user has here. */
  isLast(userId: string, socketId: string): boolean {
    const sockets = this.#own.get(userId)
    return sockets?.size === 1 && sockets.has(socketId)
  }

  forget(userId: string, socketId: string): Change[] {
    return this.#changing([userId], () => {
      const sockets = this.#own.get(userId)
      sockets?.delete(socketId)
      if (sockets?.size === 0) this.#own.delete(userId)
    })
  }

  /** What another node said of some of its users. */
  hear(node: string, users: readonly [string, Attending | null][]): Change[] {
    const peer = this.#peers.get(node) ?? new Map<string, Attending>()
    return this.#changing(
      users.map(([userId]) => userId),
      () => {
        this.#peers.set(node, peer)
        for (const [userId, attending] of users) {
          if (attending) peer.set(userId, attending)
          else peer.delete(userId)
        }
      },
    )
  }

  /** What another node said of all of its users; nothing when it is gone. */
  replace(node: string, users: readonly [string, Attending][] | undefined): Change[] {
    const before = [...(this.#peers.get(node)?.keys() ?? [])]
    return this.#changing(new Set([...before, ...(users ?? []).map(([userId]) => userId)]), () => {
      if (users) this.#peers.set(node, new Map(users))
      else this.#peers.delete(node)
    })
  }

  #changing(userIds: Iterable<string>, work: () => void): Change[] {
    const before = [...userIds].map(userId => ({ userId, before: this.statusOf(userId) }))
    work()
    return before.filter(change => this.statusOf(change.userId) !== change.before)
  }
}
