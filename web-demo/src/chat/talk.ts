import type { PendingMessage, Room, RoomEvent, RoomMessage } from '@trunkline/sdk'

/** What one column shows: what is said in a room itself, or in one of its threads. */
export type Talk = {
  readonly messages: readonly RoomMessage[]
  /** What happened beside messages; none in threads. */
  readonly events: readonly RoomEvent[]
  readonly pending: readonly PendingMessage[]
  readonly hasEarlier: boolean
  loadEarlier(): Promise<unknown>
}

export const talkOf = (room: Room, threadOf: number | undefined): Talk => {
  if (threadOf === undefined) {
    const { messages, events, hasEarlier } = room
    const pending = room.pending.filter(message => message.threadOf === undefined)
    return { messages, events, pending, hasEarlier, loadEarlier: () => room.loadEarlier() }
  }
  const thread = room.thread(threadOf)
  const { root, messages, pending, hasEarlier } = thread
  return {
    messages: root ? [root, ...messages] : messages,
    events: [],
    pending,
    hasEarlier,
    loadEarlier: () => thread.loadEarlier(),
  }
}
