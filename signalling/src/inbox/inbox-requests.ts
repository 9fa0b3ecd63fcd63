import type { Services } from '../services.ts'
import type { Session } from '../session.ts'

/** `inbox:watch`. */
export const inboxRequests = ({ membershipWatch, fairShare }: Services, session: Session) => ({
  'inbox:watch': async () => {
    await fairShare.run(session.data.userId, () => membershipWatch.watchInbox(session))
    return {}
  },
})
