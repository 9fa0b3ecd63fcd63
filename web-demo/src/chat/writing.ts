import type { Room } from '@trunkline/sdk'

/** Why one may not write here and what to do about it; undefined when one may, or when nobody knows yet. */
export const whyNotWrite = (
  room: Pick<Room, 'can' | 'info' | 'me' | 'state' | 'error'>,
): string | undefined => {
  if (room.state === 'closed') return room.error?.message ?? 'This room was closed.'
  if (!room.info || !room.me || room.can('write')) return undefined
  if (room.info.archivedAt) {
    return room.can('administer')
      ? 'This room is archived. Open it again to write here.'
      : 'This room is archived: nobody writes here until an owner opens it again.'
  }
  return room.info.kind === 'channel'
    ? 'Only publishers write in this channel. Ask a moderator to become one.'
    : 'You may read here, but not write. Ask a moderator to let you.'
}
