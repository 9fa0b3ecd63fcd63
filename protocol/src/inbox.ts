import { z } from 'zod'
import { CallRecord } from './call-record.ts'
import { RoomEvent } from './events.ts'
import { Position, RoomId, Time } from './ids.ts'
import { LIMITS } from './limits.ts'
import { Message } from './message.ts'
import { Member, PendingKind, Room, RoomPreview } from './room.ts'

const Count = z.int().min(0).max(LIMITS.unreadCounted)

/** Messages, missed calls and mentions after what one has read: LIMITS.unreadCounted means that many or more. */
export const Counts = z.strictObject({ unread: Count, mentions: Count })
export type Counts = z.infer<typeof Counts>

/** A room of one's own as lists show it. */
export const InboxEntry = Counts.extend({
  room: Room,
  me: Member,
  /** The latest message that is not deleted. */
  lastMessage: Message.nullable(),
  /** The latest call or ring, when it came after the latest message. */
  lastCall: CallRecord.optional(),
  /** In a direct room, the other one. */
  peer: Member.shape.user.optional(),
  /** When something was last said, or people called; before that, when the room was made. */
  activeAt: Time,
})
export type InboxEntry = z.infer<typeof InboxEntry>

/** A room one is invited to, or asked to come into. */
export const PendingEntry = z.strictObject({
  room: RoomPreview,
  pending: PendingKind,
  since: Time,
})
export type PendingEntry = z.infer<typeof PendingEntry>

/** What retention took out of the stretch that was asked for: these numbers will not come. */
export const RemovedStretch = z.strictObject({ from: Position, to: Position })
export type RemovedStretch = z.infer<typeof RemovedStretch>

/** News of one room since a cursor: how lists show it now, and what happened. */
export const RoomNews = InboxEntry.extend({
  /** The latest, ascending, at most as many as asked for. */
  events: z.array(RoomEvent),
  /** There are earlier news that are not in `events`: `room:sync` with `before` gives them. */
  hasMore: z.boolean(),
  /** What retention took, as far as it may have been news: from the first number, since a cursor holds none. */
  removed: RemovedStretch.optional(),
})
export type RoomNews = z.infer<typeof RoomNews>

/** Every room's news since a cursor, in one answer. */
export const SyncAnswer = z.strictObject({
  rooms: z.array(RoomNews),
  /** Rooms one is not in any more. */
  left: z.array(RoomId),
  /** Every room one is not in yet, whether or not something happened there. */
  pending: z.array(PendingEntry),
  /** What to ask with next. */
  cursor: z.string(),
  /** The answer was full: ask again at once with `cursor`. */
  hasMore: z.boolean(),
  /** The cursor was of another database, or none was given: forget what is known, this is everything. */
  reset: z.boolean(),
})
export type SyncAnswer = z.infer<typeof SyncAnswer>
