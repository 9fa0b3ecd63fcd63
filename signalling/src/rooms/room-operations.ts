import type { Role, Room, RoomWithMembership, User } from '@trunkline/protocol'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** A room as who asks sees it: with their role, if they are somebody. */
const withMembership = (room: Room, user: User | undefined, role: Role | undefined): RoomWithMembership =>
  user && role ? { ...room, me: { userId: user.id, role } } : room

/** `room:*` but for who is in it. */
export const roomOperations = ({ rooms }: Services) =>
  ({
    'room:create': async (post, { user, retryKey }) => {
      const room = await rooms.create(post, { creator: user, retryKey })
      return withMembership(room, user, user && (await rooms.roleOf(room.id, user.id)))
    },

    'room:get': async ({ roomId }, { principal, user, role }) =>
      withMembership(await rooms.get(roomId), principal.type === 'user' ? user : undefined, role),
  }) satisfies Partial<OperationHandlers>
