import type { Services } from '../services.ts'
import type { Session } from '../session.ts'

/** `inbox:watch`. */
export const inboxRequests = ({ membershipWatch }: Services, session: Session) => ({
  'inbox:watch': async () => {
    await membershipWatch.watchInbox(session)
    return {}
  },
})
