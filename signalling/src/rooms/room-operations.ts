import { RIGHTS, type Role, type Room, type RoomWithMembership, type User } from '@trunkline/protocol'
import type { Principal } from '../identity/authenticate.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import { listChannels } from './channels.ts'
import { ComingAndGoing } from './coming-and-going.ts'
import { roomNotFound } from './roles.ts'
import { RoomSettings } from './room-settings.ts'

/** A room as who asks sees it: with their role, if they are somebody. */
const withMembership = (room: Room, user: User | undefined, role: Role | undefined): RoomWithMembership =>
  user && role ? { ...room, me: { userId: user.id, role } } : room

/** As a user sees it by its own role; an app's server has none. */
const seenBy = ({ principal, role }: { principal: Principal; role: Role }, room: Room) =>
  principal.type === 'user' ? withMembership(room, principal.user, role) : room

/** `room:*` and `channel:*`. */
export const roomOperations = (services: Services) => {
  const { rooms, roomCreation, database, data, passingRooms } = services
  const settings = new RoomSettings(services)
  const going = new ComingAndGoing(services)

  return {
    'room:create': async (post, { principal, user, retryKey }) => {
      const createsUsers = principal.type === 'key'
      const room = await roomCreation.create(post, { creator: user, createsUsers, retryKey })
      const role = user && (await rooms.roleOf(room.id, user.id))
      // Who tries again may have left or been banned since: then it is none of theirs any more.
      if (principal.type === 'user' && !(role && RIGHTS[role].read)) throw roomNotFound()
      return withMembership(room, user, role)
    },

    'room:get': async ({ roomId }, performance) => seenBy(performance, await rooms.get(roomId)),

    'room:update': async ({ roomId, ...changes }, performance) => {
      const { room, replaced } = await settings.update(performance, roomId, changes)
      if (replaced !== null) await data.roomFiles.removeAvatar(roomId, replaced)
      return seenBy(performance, room)
    },

    'room:archive': async ({ roomId }, performance) =>
      seenBy(performance, await settings.archive(performance, roomId)),

    'room:restore': async ({ roomId }, performance) =>
      seenBy(performance, await settings.restore(performance, roomId)),

    'room:delete': async ({ roomId }, performance) => {
      await data.roomFiles.deleteWith(roomId, () => settings.remove(performance, roomId))
      return {}
    },

    'room:transfer': async ({ roomId, userId }, performance) =>
      settings.transfer(performance, roomId, userId),

    'room:follow': async ({ roomId, message }, { user }) => going.follow(user, roomId, message),

    'room:accept': async ({ roomId }, { user }) => going.accept(user, roomId),

    'room:leave': async ({ roomId }, { user }) => {
      await going.leave(user, roomId)
      await passingRooms.left(roomId)
      return {}
    },

    'channel:list': async (query, { user }) => listChannels(database, user, query),
  } satisfies Partial<OperationHandlers>
}
