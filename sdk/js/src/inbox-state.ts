import {
  type Counts,
  type InboxEntry,
  LIMITS,
  type NoticeData,
  type PendingEntry,
  type RoomEvent,
  type RoomEventOf,
  type SyncAnswer,
  type User,
} from '@trunkline/protocol'
import { messageAfter, messageOf } from './message-fold.ts'
import { roomAfter } from './room-info.ts'

/** What became of the inbox by an event: `ask` when only the server can say it in full. */
export type Outcome = 'nothing' | 'changed' | 'ask'

/** One room, and which messages are known to be among its unread ones: number, and whether it mentions us. */
type Kept = { entry: InboxEntry; counted: Map<number, boolean> }

/** Rooms in use, and archived ones. */
type Entries = { live: readonly InboxEntry[]; archived: readonly InboxEntry[] }

const capped = (count: number): number => Math.max(0, Math.min(LIMITS.unreadCounted, count))
const latestFirst = (a: InboxEntry, b: InboxEntry): number =>
  a.activeAt === b.activeAt ? (a.room.id < b.room.id ? 1 : -1) : a.activeAt < b.activeAt ? 1 : -1

/**
 * What an inbox holds. Follows events by itself as far as they tell everything, and says when they do not: something
 * was missed, or a message went of which it is not known whether it was counted.
 */
export class InboxState {
  readonly #rooms = new Map<string, Kept>()
  /** How far rooms were read on this device. */
  readonly #readHere = new Map<string, number>()
  readonly #isBlocked: (userId: string) => boolean
  #pending: PendingEntry[] = []
  #sorted: Entries | undefined

  constructor(isBlocked: (userId: string) => boolean) {
    this.#isBlocked = isBlocked
  }

  /** Latest activity first. The same arrays until something changed. */
  get entries(): Entries {
    if (!this.#sorted) {
      const all = Array.from(this.#rooms.values(), ({ entry }) => entry).sort(latestFirst)
      const live = all.filter(({ room }) => room.archivedAt === null)
      this.#sorted = { live, archived: all.filter(({ room }) => room.archivedAt !== null) }
    }
    return this.#sorted
  }

  get pending(): readonly PendingEntry[] {
    return this.#pending
  }

  get(roomId: string): InboxEntry | undefined {
    return this.#rooms.get(roomId)?.entry
  }

  /** An answer of sync: the truth as of its moment. `isFirst`: of those that belong together. */
  take(answer: SyncAnswer, isFirst: boolean): void {
    if (answer.reset && isFirst) this.#rooms.clear()
    for (const { events: _, hasMore: __, removed: ___, ...entry } of answer.rooms) {
      const kept = { entry, counted: new Map() }
      this.#rooms.set(entry.room.id, kept)
      // The server may not have heard yet what was read here.
      const seq = this.#readHere.get(entry.room.id) ?? 0
      if (seq >= entry.room.lastSeq && seq > entry.me.readSeq) {
        this.#setRead(kept, seq, { unread: 0, mentions: 0 })
      }
    }
    for (const roomId of answer.left) this.remove(roomId)
    this.#pending = answer.pending
    this.#sorted = undefined
  }

  remove(roomId: string): void {
    this.#pending = this.#pending.filter(({ room }) => room.id !== roomId)
    this.#rooms.delete(roomId)
    this.#readHere.delete(roomId)
    this.#sorted = undefined
  }

  /** A user has another name or picture; whether a list shows it: the other one of a direct room, or oneself. */
  rename(user: User): Outcome {
    let outcome: Outcome = 'nothing'
    for (const kept of this.#rooms.values()) {
      const { entry } = kept
      const isMe = entry.me.user.id === user.id
      const isPeer = entry.peer?.id === user.id
      if (!isMe && !isPeer) continue
      kept.entry = { ...entry, ...(isMe && { me: { ...entry.me, user } }), ...(isPeer && { peer: user }) }
      outcome = 'changed'
    }
    if (outcome === 'changed') this.#sorted = undefined
    return outcome
  }

  /** An event of any of one's rooms. */
  apply(event: RoomEvent): Outcome {
    const kept = this.#rooms.get(event.roomId)
    if (!kept) return 'ask'
    const { room } = kept.entry
    if (event.seq <= room.lastSeq) return 'nothing'
    // A number was jumped over: what it said is asked for, and this one will be in the answer too.
    if (event.seq > room.lastSeq + 1) return 'ask'
    kept.entry = { ...kept.entry, room: roomAfter(room, event) }
    this.#sorted = undefined
    return this.#follow(kept, event)
  }

  /** The server counted, because something was read on some device. */
  count({ roomId, readSeq, unread, mentions }: NoticeData<'counts:changed'>): Outcome {
    const kept = this.#rooms.get(roomId)
    if (!kept || readSeq < kept.entry.me.readSeq) return 'nothing'
    this.#setRead(kept, readSeq, { unread, mentions })
    // What was on its way while it counted may be in these numbers or not.
    return unread > 0 ? 'ask' : 'changed'
  }

  /** Everything up to `seq` was read here; the server's own counts follow. */
  read(roomId: string, seq: number): Outcome {
    const kept = this.#rooms.get(roomId)
    if (!kept || seq <= kept.entry.me.readSeq) return 'nothing'
    this.#readHere.set(roomId, seq)
    const left = [...kept.counted].filter(([number]) => number > seq)
    const mentions = left.filter(([, isMention]) => isMention).length
    const isAll = seq >= kept.entry.room.lastSeq
    // Of unread messages from before we listened only their number is known.
    if (!isAll && kept.counted.size < kept.entry.unread) return 'nothing'
    this.#setRead(kept, seq, { unread: left.length, mentions })
    return 'changed'
  }

  #setRead(kept: Kept, readSeq: number, counts: Counts): void {
    const { me } = kept.entry
    kept.entry = { ...kept.entry, ...counts, me: { ...me, readSeq: Math.max(me.readSeq, readSeq) } }
    for (const seq of kept.counted.keys()) if (seq <= readSeq) kept.counted.delete(seq)
    this.#sorted = undefined
  }

  #follow(kept: Kept, event: RoomEvent): Outcome {
    switch (event.type) {
      case 'message.created':
        return this.#onSaid(kept, event)
      case 'message.edited':
      case 'message.deleted':
        return this.#onChanged(kept, event)
      case 'reaction.added':
      case 'reaction.removed':
      case 'message.pinned':
      case 'message.unpinned': {
        const { lastMessage } = kept.entry
        if (lastMessage?.seq === event.data.messageSeq) {
          kept.entry = { ...kept.entry, lastMessage: messageAfter(lastMessage, event) }
        }
        return 'changed'
      }
      case 'call.started':
      case 'call.ended':
      case 'ring.started':
      case 'ring.ended':
        // What became of it, and whether it counts, is for the server to say.
        return 'ask'
      case 'member.changed':
        if (event.data.userId !== kept.entry.me.user.id) return 'changed'
        kept.entry = { ...kept.entry, me: { ...kept.entry.me, role: event.data.role } }
        return 'changed'
      default:
        return 'changed'
    }
  }

  #onSaid(kept: Kept, event: RoomEventOf<'message.created'>): Outcome {
    const { me, unread, mentions } = kept.entry
    const { data, sender, seq } = event
    if (data.deleted) return 'changed'
    const { lastCall: _, ...entry } = kept.entry
    kept.entry = { ...entry, lastMessage: messageOf(event), activeAt: event.at }
    const isAnothers = sender !== undefined && sender !== me.user.id && !this.#isBlocked(sender)
    if (!isAnothers || data.silent || seq <= me.readSeq) return 'changed'
    const isMention = data.mentions?.includes(me.user.id) ?? false
    kept.counted.set(seq, isMention)
    kept.entry = {
      ...kept.entry,
      unread: capped(unread + 1),
      mentions: capped(mentions + (isMention ? 1 : 0)),
    }
    return 'changed'
  }

  #onChanged(kept: Kept, event: RoomEventOf<'message.edited' | 'message.deleted'>): Outcome {
    const { me, lastMessage } = kept.entry
    const { messageSeq } = event.data
    const isLast = lastMessage?.seq === messageSeq
    if (isLast) kept.entry = { ...kept.entry, lastMessage: messageAfter(lastMessage, event) }
    const isMention = kept.counted.get(messageSeq)
    if (isMention === undefined) {
      // Read already, or our own, or nothing that counts: only of what came before we listened that is not known.
      const isUnknown =
        messageSeq > me.readSeq && event.sender !== me.user.id && kept.entry.unread > kept.counted.size
      return isUnknown || (isLast && event.type === 'message.deleted') ? 'ask' : 'changed'
    }
    const { unread, mentions } = kept.entry
    if (event.type === 'message.deleted') {
      kept.counted.delete(messageSeq)
      kept.entry = {
        ...kept.entry,
        unread: capped(unread - 1),
        mentions: capped(mentions - (isMention ? 1 : 0)),
      }
      return isLast ? 'ask' : 'changed'
    }
    const mentionsNow = event.data.mentions?.includes(me.user.id) ?? false
    kept.counted.set(messageSeq, mentionsNow)
    kept.entry = { ...kept.entry, mentions: capped(mentions + Number(mentionsNow) - Number(isMention)) }
    return 'changed'
  }
}
