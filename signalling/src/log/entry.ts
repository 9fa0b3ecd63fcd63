import type { EventData, EventType, RoomAction, RoomEvent } from '@trunkline/protocol'

/**
 * What a sender must be allowed to do. `not-banned` is for an app's server, which may speak for itself or anybody who is
 * not kept out.
 */
export type EntryRight = RoomAction | 'not-banned'

/** What is to be appended. `clientId` makes a retry find the first attempt. */
export type Entry<T extends EventType = EventType> = {
  roomId: string
  type: T
  data: EventData<T>
  sender?: string | undefined
  clientId?: string | undefined
  /**
   * Checked where nothing can come between: under the room's lock. Without it whoever appends has checked.
   */
  right?: EntryRight | undefined
}

export type Appended = {
  event: RoomEvent
  /** False when the same sender had already appended this `clientId`: `event` is that first one. */
  isNew: boolean
}

/**
 * Hears each event after it was committed, in the order of its room. What a sender tries again is told again: the node
 * that wrote it first may have died before it could tell anybody. It must not throw.
 */
export type AppendListener = (event: RoomEvent) => void
