import { LIMITS, UserId } from '@trunkline/protocol'
import { readCursor, writeCursor } from '../cursor.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

const isUserId = (field: unknown): boolean => UserId.safeParse(field).success

/** `block:*`. */
export const blockOperations = ({ blocks, users, fanOut }: Services) => {
  /** A user's other devices stop showing whom it blocked on one. */
  const announce = async (userId: string) =>
    fanOut.toUser(userId).emit('blocks:changed', { userIds: await blocks.ids(userId) })

  return {
    'block:add': async ({ userId: blockedId }, { principal, user }) => {
      if (principal.type === 'key') await users.ensure({ id: blockedId, kind: 'user' })
      if (await blocks.add(user.id, blockedId)) await announce(user.id)
      return {}
    },

    'block:remove': async ({ userId: blockedId }, { user }) => {
      if (await blocks.remove(user.id, blockedId)) await announce(user.id)
      return {}
    },

    'block:list': async ({ cursor, limit = LIMITS.pageSizeDefault }, { user }) => {
      const after = cursor === undefined ? {} : { after: readCursor(cursor, [isUserId])[0] as string }
      const found = await blocks.list(user.id, { ...after, limit: limit + 1 })
      const data = found.slice(0, limit)
      const last = data.at(-1)
      return { data, ...(found.length > limit && last ? { nextCursor: writeCursor(last.id) } : {}) }
    },
  } satisfies Partial<OperationHandlers>
}
