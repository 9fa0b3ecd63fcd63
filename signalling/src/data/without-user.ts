import type { RoomEvent } from '@trunkline/protocol'

/** How those are called who were deleted. */
export const DELETED_NAME = 'Deleted user'

/** Who goes, and the id that stands where theirs stood: one of nobody, and another for each who was deleted. */
export type Gone = { id: string; alias: string; removesWords: boolean }

/**
 * An event without somebody: the same event of a user nobody knows. As one id takes the place of the other everywhere,
 * what follows from the log stays what it was: counts, reactions, who answered whom.
 */
export const withoutUser = (event: RoomEvent, gone: Gone): RoomEvent => {
  const { id, alias } = gone
  const isTheirs = event.sender === id
  const { clientId: _clientId, ...nameless } = event
  const named = isTheirs ? { ...nameless, sender: alias } : event
  return { ...named, data: dataWithout(event, gone, isTheirs) } as RoomEvent
}

const dataWithout = (event: RoomEvent, { id, alias, removesWords }: Gone, isTheirs: boolean): unknown => {
  const { data } = event
  const other = (userId: string) => (userId === id ? alias : userId)
  switch (event.type) {
    case 'message.created':
    case 'message.edited': {
      const { mentions } = event.data
      const forwarded = 'forwarded' in event.data ? event.data.forwarded : undefined
      return {
        ...data,
        ...(mentions && { mentions: mentions.map(other) }),
        ...(forwarded && { forwarded: { ...forwarded, sender: other(forwarded.sender) } }),
      }
    }
    case 'node.published':
      return isTheirs && removesWords ? { ...data, payload: {} } : data
    case 'member.invited':
    case 'member.requested':
    case 'member.joined': {
      const { user, ...rest } = event.data
      if (user.id !== id) return data
      // What was said when asking to come in goes with who asked.
      const { message: _message, ...kept } = rest as { message?: string }
      return { user: { id: alias, name: DELETED_NAME, kind: 'user' }, ...kept }
    }
    case 'member.changed':
    case 'member.left':
    case 'member.removed':
    case 'member.banned':
    case 'member.unbanned': {
      if (event.data.userId !== id) return data
      // What was said of them goes, too.
      const { reason: _reason, ...kept } = event.data as { userId: string; reason?: string }
      return { ...kept, userId: alias }
    }
    case 'call.ended': {
      const { userIds } = event.data
      return { ...data, ...(userIds && { userIds: userIds.map(other) }) }
    }
    case 'ring.started': {
      const { userIds, busy, missed } = event.data
      return {
        ...data,
        userIds: userIds.map(other),
        ...(busy && { busy: busy.map(other) }),
        ...(missed && { missed: missed.map(other) }),
      }
    }
    case 'ring.ended':
      return { ...data, from: other(event.data.from), missed: event.data.missed.map(other) }
    default:
      return data
  }
}
