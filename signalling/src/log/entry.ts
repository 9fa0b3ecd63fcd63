import type { EventData, EventType, RoomAction, RoomEvent } from '@trunkline/protocol'

/** What is to be appended. `clientId` makes a retry find the first attempt. */
export type Entry<T extends EventType = EventType> = {
  roomId: string
  type: T
  data: EventData<T>
  sender?: string | undefined
  clientId?: string | undefined
  /**
   * What the sender must be allowed to do, checked where nothing can come between: under the room's lock. Without it
   * whoever appends has checked. `not-banned` is for an app's server, which may speak for anybody else.
   */
  right?: RoomAction | 'not-banned' | undefined
}

export type Appended = {
  event: RoomEvent
  /** False when the same sender had already appended this `clientId`: `event` is that first one. */
  isNew: boolean
}

/** Hears each event once, after it was committed, in the order of its room. */
export type AppendListener = (event: RoomEvent) => void
