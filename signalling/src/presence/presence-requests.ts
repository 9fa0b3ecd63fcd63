import type { RequestData } from '@trunkline/protocol'
import type { Services } from '../services.ts'
import type { Session } from '../session.ts'

/** `presence:watch`. */
export const presenceRequests = ({ presence, fairShare }: Services, session: Session) => ({
  'presence:watch': async ({ userIds }: RequestData<'presence:watch'>) => ({
    data: await fairShare.run(session.data.userId, () => presence.watch(session, userIds)),
  }),
})
