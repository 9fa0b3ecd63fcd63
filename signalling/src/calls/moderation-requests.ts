import type { RequestData } from '@trunkline/protocol'
import type { Services } from '../services.ts'
import type { Session } from '../session.ts'

/** `call:knock`, `call:unknock`: waiting is of a socket, which hears the answer. */
export const moderationRequests = ({ moderation, limits }: Services, session: Session) => ({
  'call:knock': async ({ roomId }: RequestData<'call:knock'>) => {
    await limits.knock(session.data.userId, roomId)
    return moderation.knock(session, roomId)
  },
  'call:unknock': async ({ roomId }: RequestData<'call:unknock'>) => {
    await moderation.unknock(session, roomId)
    return {}
  },
})
