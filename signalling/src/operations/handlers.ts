import { chatOperations } from '../chat/chat-operations.ts'
import { messageOperations } from '../chat/message-operations.ts'
import { blockOperations } from '../identity/block-operations.ts'
import { presenceOperations } from '../presence/presence-operations.ts'
import { memberOperations } from '../rooms/member-operations.ts'
import { roomOperations } from '../rooms/room-operations.ts'
import type { Services } from '../services.ts'
import type { OperationHandlers } from './operation.ts'
import { unbuiltOperations } from './unbuilt.ts'

/** Every operation, from the parts of the system that perform them. */
export const createHandlers = (services: Services): OperationHandlers => ({
  ...unbuiltOperations,
  ...roomOperations(services),
  ...memberOperations(services),
  ...chatOperations(services),
  ...messageOperations(services),
  ...blockOperations(services),
  ...presenceOperations(services),
})
