import type { RequestData } from '@trunkline/protocol'
import { assertMayOffer } from '../bots/offers.ts'
import type { Services } from '../services.ts'
import type { Session } from '../session.ts'

/** `message:send`. */
export const chatRequests = ({ rooms, chat, limits }: Services, session: Session) => {
  const { principal } = session.data
  const sender = principal.user.id

  return {
    'message:send': async (data: RequestData<'message:send'>) => {
      assertMayOffer(principal.user, data)
      await limits.message(principal)
      const { event } = await rooms.entering(principal, data.roomId, () =>
        chat.messages.send({ ...data, sender, right: 'write' }),
      )
      return { event }
    },
  }
}
