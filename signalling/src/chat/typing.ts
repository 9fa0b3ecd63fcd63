import { LIMITS } from '@trunkline/protocol'
import type { FanOut } from '../fan-out.ts'
import type { Session } from '../session.ts'

/** Who renews sooner than this need not be announced again: clients that heard of it show it still. */
const ANNOUNCE_EVERY_MS = LIMITS.typingMs / 3

type Entry = {
  roomId: string
  userId: string
  session: Session | undefined
  announcedAt: number
  expiry: NodeJS.Timeout
}

/**
 * Who is typing, as said to this node. It ends by itself LIMITS.typingMs after it was said last, and at once when the
 * user sends, closes the room there or loses the connection.
 */
export class Typing {
  readonly #fanOut: FanOut
  readonly #entries = new Map<string, Entry>()
  readonly #watched = new WeakSet<Session>()

  constructor(fanOut: FanOut) {
    this.#fanOut = fanOut
  }

  /** Somebody types, or does still. `session` is where it was said, which needs not hear it; none over REST. */
  begin(roomId: string, userId: string, session?: Session): void {
    const key = `${roomId} ${userId}`
    const earlier = this.#entries.get(key)
    clearTimeout(earlier?.expiry)
    const now = performance.now()
    const isDue = !earlier || now - earlier.announcedAt >= ANNOUNCE_EVERY_MS
    const expiry = setTimeout(() => this.end(roomId, userId), LIMITS.typingMs)
    const announcedAt = isDue ? now : earlier.announcedAt
    const entry = { roomId, userId, session, announcedAt, expiry }
    this.#entries.set(key, entry)
    if (session) this.#watch(session)
    if (isDue) this.#announce(entry, true)
  }

  end(roomId: string, userId: string): void {
    const key = `${roomId} ${userId}`
    const entry = this.#entries.get(key)
    if (!entry) return
    clearTimeout(entry.expiry)
    this.#entries.delete(key)
    this.#announce(entry, false)
  }

  /** What was said by this socket is over: in one room, or in all. */
  endOf(session: Session, roomId?: string): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.session === session && (roomId === undefined || entry.roomId === roomId)) {
        this.end(entry.roomId, entry.userId)
      }
    }
  }

  close(): void {
    for (const { expiry } of this.#entries.values()) clearTimeout(expiry)
    this.#entries.clear()
  }

  #watch(session: Session): void {
    if (this.#watched.has(session)) return
    this.#watched.add(session)
    session.once('disconnect', () => this.endOf(session))
  }

  #announce({ roomId, userId, session }: Entry, typing: boolean): void {
    const room = this.#fanOut.toRoom(roomId)
    const others = session ? room.except(session.id) : room
    others.emit('typing:changed', { roomId, userId, typing })
  }
}
