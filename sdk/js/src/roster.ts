import {
  LIMITS,
  type Member,
  type NoticeData,
  type OpenedRoom,
  type PresenceStatus,
  RIGHTS,
  type RoomEvent,
  type User,
} from '@trunkline/protocol'

/** How far a message came: `sent` to the server, `delivered` to everybody, `read` by everybody. */
export type MessageState = 'sent' | 'delivered' | 'read'

/** How many of the other members a message reached. */
export type Reach = { delivered: number; read: number; members: number }

/** What a message has to say of itself to be followed. */
export type Sent = {
  readonly seq: number
  readonly sender?: string | undefined
  readonly threadOf?: number | undefined
  /** Of an event, where its thread stands. */
  readonly data?: object
}

/** How far somebody has read is said of the room as it is shown, and what is said in threads is shown elsewhere. */
const isInThread = ({ threadOf, data }: Sent): boolean =>
  threadOf !== undefined || (data !== undefined && 'threadOf' in data && data.threadOf !== undefined)

/** Who is in a room, and how far each has received and read. */
export class Roster {
  readonly #members = new Map<string, Member>()
  readonly #statusOf: (userId: string) => PresenceStatus
  #count = 0
  /** The list was cut: there are members it does not name. */
  #isCut = false
  /** Changes up to here are in `#count` already. */
  #countedSeq = 0

  constructor(statusOf: (userId: string) => PresenceStatus) {
    this.#statusOf = statusOf
  }

  /** Those who may read, as far as they are listed. */
  get members(): Member[] {
    return [...this.#members.values()]
  }

  /** How many may read. */
  get count(): number {
    return this.#isCut ? this.#count : this.#members.size
  }

  get(userId: string): Member | undefined {
    return this.#members.get(userId)
  }

  start({
    members,
    me,
    room,
  }: Pick<OpenedRoom, 'members' | 'me'> & { room: { lastSeq: number; memberCount: number } }): void {
    this.#members.clear()
    for (const member of [...members, me]) {
      if (RIGHTS[member.role].read) this.#members.set(member.user.id, member)
    }
    this.#count = room.memberCount
    this.#countedSeq = room.lastSeq
    this.#isCut = members.length >= LIMITS.membersListed
  }

  /** Follows the log; whether members changed. */
  apply(event: RoomEvent): boolean {
    switch (event.type) {
      case 'member.joined': {
        const { role } = event.data
        const known = this.#members.get(event.data.user.id)
        // What the list was read after tells of a user as it was then.
        const user = known && event.seq <= this.#countedSeq ? known.user : event.data.user
        // Someone who opened the room with the whole list in hand is already there.
        const { deliveredSeq = 0, readSeq = 0, joinedAt = event.at } = known ?? {}
        this.#members.set(user.id, { user, role, deliveredSeq, readSeq, joinedAt })
        this.#countBy(1, event.seq)
        return true
      }
      case 'member.changed': {
        const { userId, role } = event.data
        const known = this.#members.get(userId)
        if (known) this.#members.set(userId, { ...known, role })
        return known !== undefined
      }
      case 'member.left':
      case 'member.removed':
      case 'member.banned': {
        this.#countBy(-1, event.seq)
        return this.#members.delete(event.data.userId)
      }
      default:
        return false
    }
  }

  /** A user has another name or picture; whether it is one of these. */
  rename(user: User): boolean {
    const known = this.#members.get(user.id)
    if (known) this.#members.set(user.id, { ...known, user })
    return known !== undefined
  }

  applyReceipt({ userId, deliveredSeq, readSeq }: NoticeData<'receipt:changed'>): void {
    this.#advance(userId, deliveredSeq, readSeq)
  }

  reachOf(event: Sent): Reach {
    const others = this.#othersOf(event)
    return {
      members: others.length,
      delivered: others.filter(member => member.deliveredSeq >= event.seq).length,
      read: isInThread(event) ? 0 : others.filter(member => member.readSeq >= event.seq).length,
    }
  }

  /**
   * Reached by somebody, and not waiting for anybody. Guests who are away are not waited for: most never come back,
   * and one of them would keep every later message of the room at a single tick. What is said in a thread is never
   * called read: nobody says whether they opened it.
   */
  stateOf(event: Sent): MessageState {
    const others = this.#othersOf(event)
    const everybody = (key: 'deliveredSeq' | 'readSeq') => {
      const reached = others.filter(member => member[key] >= event.seq)
      return reached.length > 0 && others.every(member => member[key] >= event.seq || this.#isGone(member))
    }
    if (!isInThread(event) && everybody('readSeq')) return 'read'
    return everybody('deliveredSeq') ? 'delivered' : 'sent'
  }

  #othersOf(event: Sent): Member[] {
    // Bots say of nothing that they received it, and hooks cannot.
    return this.members.filter(({ user }) => user.id !== event.sender && user.kind !== 'bot')
  }

  #isGone({ user }: Member): boolean {
    return user.kind === 'guest' && this.#statusOf(user.id) === 'offline'
  }

  /** Of a cut list nobody knows whether who goes was invited only: the next opening corrects what is counted wrong. */
  #countBy(change: number, seq: number): void {
    if (seq <= this.#countedSeq) return
    this.#countedSeq = seq
    this.#count += change
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
