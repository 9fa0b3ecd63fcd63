import type { Services } from '../services.ts'
import type { Session } from '../session.ts'

/** `inbox:watch`. */
export const inboxRequests = (_services: Services, _session: Session) => ({
  'inbox:watch': async () => ({}),
})
