import type { Room } from '@trunkline/sdk'

/** What was being written, per room and thread, while it is not on the screen. */
const drafts = new WeakMap<Room, Map<number | undefined, string>>()

export const draftOf = (room: Room, threadOf: number | undefined): string =>
  drafts.get(room)?.get(threadOf) ?? ''

export const keepDraft = (room: Room, threadOf: number | undefined, text: string): void => {
  const ofRoom = drafts.get(room) ?? new Map<number | undefined, string>()
  drafts.set(room, ofRoom)
  ofRoom.set(threadOf, text)
}
