import { LIMITS, RoomId, TrunklineError } from '@trunkline/protocol'
import { readCursor, writeCursor } from '../cursor.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import { assertMayRegister } from './devices.ts'

const isRoomId = (field: unknown): boolean => RoomId.safeParse(field).success

/** `device:*`, `notification:*`. */
export const pushOperations = ({ push }: Services) => {
  const { devices, preferences, options } = push
  return {
    'device:options': async () => options,

    'device:register': async (asked, { principal, user }) => {
      const { kind } = asked.target
      assertMayRegister(asked.target, principal.type)
      if (!options.kinds.includes(kind)) {
        throw new TrunklineError(
          'conflict',
          `This server does not push by ${kind}: whoever runs it has given it no key for that.`,
        )
      }
      return devices.register(user.id, asked)
    },

    'device:list': async (_, { user }) => ({ data: await devices.list(user.id) }),

    'device:remove': async ({ deviceId }, { user }) => {
      await devices.remove(user.id, deviceId)
      return {}
    },

    'notification:get': async (_, { user }) => preferences.get(user.id),

    'notification:set': async (changes, { user }) => preferences.set(user.id, changes),

    'notification:level': async (asked, { user }) => {
      if (asked.until !== undefined && Date.parse(asked.until) <= Date.now()) {
        throw new TrunklineError('invalid_request', 'until is over already: name a time to come.')
      }
      return preferences.setLevel(user.id, asked)
    },

    'notification:levels': async ({ cursor, limit = LIMITS.pageSizeDefault }, { user }) => {
      const after = cursor === undefined ? undefined : (readCursor(cursor, [isRoomId])[0] as string)
      const found = await preferences.levels(user.id, after, limit + 1)
      const data = found.slice(0, limit)
      const last = data.at(-1)
      return { data, ...(found.length > limit && last ? { nextCursor: writeCursor(last.roomId) } : {}) }
    },
  } satisfies Partial<OperationHandlers>
}
