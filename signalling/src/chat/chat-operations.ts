import { LIMITS } from '@trunkline/protocol'
import { cursorOf, seqOf } from '../cursor.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import { audience } from '../session.ts'

/** `message:*`, `receipt:*`, `typing:set`. */
export const chatOperations = ({ messages, receipts, fanOut }: Services) => {
  const advance = async (roomId: string, userId: string, to: { delivered?: number; read?: number }) => {
    const receipt = await receipts.advance(roomId, userId, to)
    if (receipt) fanOut.toRoom(roomId).emit('receipt:changed', { roomId, userId, ...receipt })
  }

  return {
    'message:list': async ({ roomId, cursor, limit = LIMITS.pageSizeDefault }) => {
      const page = await messages.page({ roomId, before: seqOf(cursor), limit })
      const first = page.messages[0]
      return { data: page.messages, ...(page.hasMore && first ? { nextCursor: cursorOf(first.seq) } : {}) }
    },

    'receipt:deliver': async ({ roomId, seq }, { user }) => {
      await advance(roomId, user.id, { delivered: seq })
      return {}
    },

    'receipt:read': async ({ roomId, seq }, { user }) => {
      await advance(roomId, user.id, { read: seq })
      return { unread: 0, mentions: 0 }
    },

    'typing:set': async ({ roomId, typing }, { user, session }) => {
      const others = session ? session.to(audience.room(roomId)) : fanOut.toRoom(roomId)
      others.emit('typing:changed', { roomId, userId: user.id, typing })
      return {}
    },
  } satisfies Partial<OperationHandlers>
}
