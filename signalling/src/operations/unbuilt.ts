import { TrunklineError } from '@trunkline/protocol'
import type { OperationHandlers } from './operation.ts'

const unbuilt = async (): Promise<never> => {
  throw new TrunklineError('unavailable', 'This is not built yet.')
}

/** What is still to be built. */
export const unbuiltOperations = {
  'user:delete': unbuilt,
  'export:create': unbuilt,
  'job:get': unbuilt,
  'job:cancel': unbuilt,
} satisfies Partial<OperationHandlers>
