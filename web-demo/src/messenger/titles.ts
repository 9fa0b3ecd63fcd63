import { type InboxEntry, LIMITS, type Room, type User } from '@trunkline/sdk'

type Named = { kind: string; title: string }

/** What a room is called: a direct one by the other person. */
export const titleOf = (room: Named, peer: User | undefined): string =>
  room.kind === 'direct' ? (peer?.name ?? 'Direct messages') : room.title || 'Room without a name'

export const titleOfEntry = (entry: InboxEntry): string => titleOf(entry.room, entry.peer)

/** The other one in a direct room. */
export const peerOf = (room: Room): User | undefined =>
  room.info?.kind === 'direct'
    ? room.members.find(({ user }) => user.id !== room.me?.user.id)?.user
    : undefined

/** Counts end somewhere: "1000+" says that there may be more. */
export const countWord = (count: number): string =>
  count >= LIMITS.unreadCounted ? `${LIMITS.unreadCounted}+` : String(count)
