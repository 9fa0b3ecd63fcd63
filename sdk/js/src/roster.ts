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
    const others = this.members.filter(member => member.user.id !== event.sender && member.role !== 'banned')
    return {
      members: others.length,
      delivered: others.filter(member => member.deliveredSeq >= event.seq).length,
      read: others.filter(member => member.readSeq >= event.seq).length,
    }
  }

  stateOf(event: RoomEvent): MessageState {
    const { members, delivered, read } = this.reachOf(event)
    if (members === 0 || delivered < members) return 'sent'
    return read < members ? 'delivered' : 'read'
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
