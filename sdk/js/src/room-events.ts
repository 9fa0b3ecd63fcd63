import type {
  Call as CallInfo,
  EphemeralMessage,
  Member,
  PresenceStatus,
  RoomEvent,
  RoomEventOf,
} from '@trunkline/protocol'

/**
 * `open` is live; `reconnecting` shows what was known last; `refused` will not open (error says why), and opens by
 * itself once one is let in; `closed` is over: by `close()`, or because one is not in the room any more
 * (`closedReason`, and error says it in words).
 */
export type RoomState = 'opening' | 'open' | 'reconnecting' | 'refused' | 'closed'
export type RoomEvents = {
  /** Something of the room changed; what to listen to for drawing it. */
  changed: []
  state: [RoomState]
  /** Events appended after the room was opened, in order, each once. */
  event: [RoomEvent]
  /** The same, messages only. */
  message: [RoomEventOf<'message.created'>]
  /** A bot shows this user something that nobody else sees: it is in `room.bots.ephemerals`. */
  ephemeral: [EphemeralMessage]
  typing: [Member[]]
  presence: [string, PresenceStatus]
  receipt: [string]
  /** The room's live call, whoever is in it. */
  call: [CallInfo | null]
}
