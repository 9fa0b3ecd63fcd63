import type { OutgoingFile, Room } from '@trunkline/sdk'

/** A message as far as it is written: what it says, and the files that go with it. */
export type Written = { text: string; files: readonly OutgoingFile[] }

/** What was being written, per room and thread, while it is not on the screen. */
const drafts = new WeakMap<Room, Map<number | undefined, Written>>()

export const draftOf = (room: Room, threadOf: number | undefined): Written =>
  drafts.get(room)?.get(threadOf) ?? { text: '', files: [] }

/** Keeps what changed of it. */
export const keepDraft = (room: Room, threadOf: number | undefined, change: Partial<Written>): void => {
  const ofRoom = drafts.get(room) ?? new Map<number | undefined, Written>()
  drafts.set(room, ofRoom)
  ofRoom.set(threadOf, { ...draftOf(room, threadOf), ...change })
}
