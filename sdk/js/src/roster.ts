import type { Member, NoticeData, OpenedRoom, PresenceStatus, RoomEvent } from '@trunkline/protocol'

/** How far a message came: `sent` to the server, `delivered` to everybody, `read` by everybody. */
export type MessageState = 'sent' | 'delivered' | 'read'

/** How many of the other members a message reached. */
export type Reach = { delivered: number; read: number; members: number }

/** Who is in a room, who of them is here, and how far each has received and read. */
export class Roster {
  readonly #members = new Map<string, Member>()
  readonly #presence = new Map<string, PresenceStatus>()

  get members(): Member[] {
    return [...this.#members.values()]
  }

  get(userId: string): Member | undefined {
    return this.#members.get(userId)
  }

  presenceOf(userId: string): PresenceStatus {
    return this.#presence.get(userId) ?? 'offline'
  }

  start({ members, presence }: Pick<OpenedRoom, 'members' | 'presence'>): void {
    this.#members.clear()
    this.#presence.clear()
    for (const member of members) this.#members.set(member.user.id, member)
    for (const { userId, status } of presence) this.#presence.set(userId, status)
  }

  /** Follows the log; whether members changed. */
  apply(event: RoomEvent): boolean {
    if (event.type === 'member.joined') {
      const { user, role } = event.data
      const known = this.#members.get(user.id)
      // Someone who opened the room with the whole list in hand is already there.
      const { deliveredSeq = 0, readSeq = 0, joinedAt = event.at } = known ?? {}
      this.#members.set(user.id, { user, role, deliveredSeq, readSeq, joinedAt })
      return true
    }
    if (event.type === 'member.left') return this.#members.delete(event.data.userId)
    return false
  }

  applyReceipt({ userId, deliveredSeq, readSeq }: NoticeData<'receipt:changed'>): void {
    this.#advance(userId, deliveredSeq, readSeq)
  }

  applyPresence({ userId, status }: NoticeData<'presence:changed'>): void {
    this.#presence.set(userId, status)
  }

  reachOf(event: RoomEvent): Reach {
    const others = this.#othersOf(event)
    return {
      members: others.length,
      delivered: others.filter(member => member.deliveredSeq >= event.seq).length,
      read: others.filter(member => member.readSeq >= event.seq).length,
    }
  }

  /**
   * Reached by somebody, and not waiting for anybody. Guests who are away are not waited for: most never come back,
   * and one of them would keep every later message of the room at a single tick.
   */
  stateOf(event: RoomEvent): MessageState {
    const others = this.#othersOf(event)
    const everybody = (key: 'deliveredSeq' | 'readSeq') => {
      const reached = others.filter(member => member[key] >= event.seq)
      return reached.length > 0 && others.every(member => member[key] >= event.seq || this.#isGone(member))
    }
    return everybody('readSeq') ? 'read' : everybody('deliveredSeq') ? 'delivered' : 'sent'
  }

  #othersOf(event: RoomEvent): Member[] {
    return this.members.filter(
      ({ user, role }) => user.id !== event.sender && role !== 'banned' && role !== 'pending',
    )
  }

  #isGone({ user }: Member): boolean {
    return user.kind === 'guest' && this.presenceOf(user.id) === 'offline'
  }

  #advance(userId: string, deliveredSeq: number, readSeq: number): void {
    const member = this.#members.get(userId)
    if (!member) return
    this.#members.set(userId, {
      ...member,
      deliveredSeq: Math.max(member.deliveredSeq, deliveredSeq),
      readSeq: Math.max(member.readSeq, readSeq),
    })
  }
}
