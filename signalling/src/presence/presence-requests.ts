import type { Services } from '../services.ts'
import type { Session } from '../session.ts'

/** `presence:watch`. */
export const presenceRequests = (_services: Services, _session: Session) => ({
  'presence:watch': async () => ({ data: [] }),
})
