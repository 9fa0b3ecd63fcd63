import { z } from 'zod'
import { CallId, ClientId, RoomId, Seq, Time, UserId } from './ids.ts'
import { metadata } from './json.ts'
import { MessagePart } from './message.ts'
import { GrantedRole, RoomKind, RoomTitle } from './room.ts'
import { User } from './user.ts'

/** Everything lasting that can happen in a room, by type, with the shape of its `data`. */
export const EVENTS = {
  'room.created': z.strictObject({ kind: RoomKind, title: RoomTitle }),
  'member.joined': z.strictObject({ user: User, role: GrantedRole }),
  'member.left': z.strictObject({ userId: UserId }),
  'message.created': z.strictObject({ parts: z.array(MessagePart), metadata: metadata.optional() }),
  'call.started': z.strictObject({ callId: CallId }),
  'call.ended': z.strictObject({
    callId: CallId,
    /** From the first to join until the last to leave. */
    durationMs: z.int().min(0),
  }),
} as const

export type EventType = keyof typeof EVENTS
export type EventData<T extends EventType = EventType> = z.infer<(typeof EVENTS)[T]>

const envelope = {
  roomId: RoomId,
  seq: Seq,
  at: Time,
  /** Who did it; absent when the server did. */
  sender: UserId.optional(),
  clientId: ClientId.optional(),
}

const eventOf = <T extends EventType>(type: T) =>
  z.strictObject({ ...envelope, type: z.literal(type), data: EVENTS[type] })

/** One entry of a room's log. */
export const RoomEvent = z.discriminatedUnion('type', [
  eventOf('room.created'),
  eventOf('member.joined'),
  eventOf('member.left'),
  eventOf('message.created'),
  eventOf('call.started'),
  eventOf('call.ended'),
])
export type RoomEvent = z.infer<typeof RoomEvent>
export type RoomEventOf<T extends EventType> = Extract<RoomEvent, { type: T }>
