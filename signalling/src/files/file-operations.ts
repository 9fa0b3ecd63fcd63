import type { OperationHandlers } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import { listRoomFiles } from './room-file-list.ts'

/** `file:*`. */
export const fileOperations = (services: Services) =>
  ({
    'file:list': query => listRoomFiles(services, query),
  }) satisfies Partial<OperationHandlers>
