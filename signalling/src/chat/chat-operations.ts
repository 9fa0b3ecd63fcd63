import { assertMaySpeak } from '../identity/blocks.ts'
import { countsOf } from '../inbox/counts.ts'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `receipt:*`, `typing:set`. */
export const chatOperations = ({ database, rooms, fanOut, chat }: Services) => {
  const { receipts, typing } = chat

  const advance = async (roomId: string, userId: string, to: { delivered?: number; read?: number }) => {
    const receipt = await receipts.advance(roomId, userId, to)
    if (receipt) fanOut.toRoom(roomId).emit('receipt:changed', { roomId, userId, ...receipt })
    return receipt
  }

  return {
    'receipt:deliver': async ({ roomId, seq }, { user }) => {
      await advance(roomId, user.id, { delivered: seq })
      return {}
    },

    'receipt:read': async ({ roomId, seq }, { user }) => {
      const receipt = await advance(roomId, user.id, { read: seq })
      const counts = (await countsOf(database, user.id, [roomId]))(roomId)
      // The other devices of this user follow.
      if (receipt) {
        fanOut.toUser(user.id).emit('counts:changed', { roomId, readSeq: receipt.readSeq, ...counts })
      }
      return counts
    },

    'typing:set': async ({ roomId, typing: isTyping }, { user, session }) => {
      if (!isTyping) typing.end(roomId, user.id)
      else {
        await assertMaySpeak(database, await rooms.get(roomId), user.id)
        typing.begin(roomId, user.id, session)
      }
      return {}
    },
  } satisfies Partial<OperationHandlers>
}
