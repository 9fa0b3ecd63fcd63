import type { RequestData } from '@trunkline/protocol'
import type { Services } from '../services.ts'
import { audience, type Session } from '../session.ts'

/** `message:send`, `receipt:*`, `typing:set`. */
export const chatRequests = (services: Services, session: Session) => {
  const { rooms, messages, receipts, limits, fanOut } = services
  const { principal } = session.data
  const userId = principal.user.id

  const advance = async (roomId: string, to: { delivered?: number; read?: number }) => {
    await rooms.authorise(principal, roomId, 'read')
    const receipt = await receipts.advance(roomId, userId, to)
    if (receipt) fanOut.toRoom(roomId).emit('receipt:changed', { roomId, userId, ...receipt })
    return {}
  }

  return {
    'message:send': async (data: RequestData<'message:send'>) => {
      await limits.message(userId)
      await rooms.authorise(principal, data.roomId, 'write')
      return { event: await messages.send({ ...data, sender: userId }) }
    },

    'receipt:deliver': ({ roomId, seq }: RequestData<'receipt:deliver'>) =>
      advance(roomId, { delivered: seq }),
    'receipt:read': ({ roomId, seq }: RequestData<'receipt:read'>) => advance(roomId, { read: seq }),

    'typing:set': async ({ roomId, typing }: RequestData<'typing:set'>) => {
      await rooms.authorise(principal, roomId, 'write')
      session.to(audience.room(roomId)).emit('typing:changed', { roomId, userId, typing })
      return {}
    },
  }
}
