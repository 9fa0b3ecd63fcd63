import type { Room, RoomEvent } from '@trunkline/protocol'

/** A room as it is after an event of its log; the same object when that is known already. */
export const roomAfter = (room: Room, event: RoomEvent): Room => {
  if (event.seq <= room.lastSeq) return room
  const { seq: lastSeq, at } = event
  switch (event.type) {
    case 'room.updated': {
      // What was left out of the changes must not stand there as undefined.
      const changes = Object.fromEntries(
        Object.entries(event.data.changes).filter(([, value]) => value !== undefined),
      )
      return { ...room, ...changes, lastSeq }
    }
    case 'room.archived':
      return { ...room, archivedAt: at, lastSeq }
    case 'room.restored':
      return { ...room, archivedAt: null, lastSeq }
    default:
      return { ...room, lastSeq }
  }
}
