import { LIMITS } from '@trunkline/protocol'
import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `sync:get`, `inbox:list`, `feed:list`: what there is for one person, over all rooms. */
export const inboxOperations = ({ sync, inbox, feed }: Services) =>
  ({
    'sync:get': ({ cursor, limit = LIMITS.syncEventsPerRoomDefault }, { user }) =>
      sync.since(user, { cursor, limit }),

    'inbox:list': ({ archived = false, cursor, limit = LIMITS.pageSizeDefault }, { user }) =>
      inbox.list(user, { archived, cursor, limit }),

    'feed:list': ({ cursor, limit = LIMITS.pageSizeDefault }, { user }) =>
      feed.list(user.id, { cursor, limit }),
  }) satisfies Partial<OperationHandlers>
