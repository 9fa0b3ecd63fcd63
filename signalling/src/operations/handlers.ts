import { botOperations } from '../bots/bot-operations.ts'
import { breakoutOperations } from '../calls/breakout-operations.ts'
import { callOperations } from '../calls/call-operations.ts'
import { moderationOperations } from '../calls/moderation-operations.ts'
import { ringOperations } from '../calls/ring-operations.ts'
import { chatOperations } from '../chat/chat-operations.ts'
import { messageOperations } from '../chat/message-operations.ts'
import { dataOperations } from '../data/data-operations.ts'
import { fileOperations } from '../files/file-operations.ts'
import { blockOperations } from '../identity/block-operations.ts'
import { userOperations } from '../identity/user-operations.ts'
import { inboxOperations } from '../inbox/inbox-operations.ts'
import { hookOperations } from '../incoming/hook-operations.ts'
import { nodeOperations } from '../nodes/node-operations.ts'
import { presenceOperations } from '../presence/presence-operations.ts'
import { pushOperations } from '../push/push-operations.ts'
import { recordingOperations } from '../recordings/recording-operations.ts'
import { memberOperations } from '../rooms/member-operations.ts'
import { roomOperations } from '../rooms/room-operations.ts'
import { searchOperations } from '../search/search-operations.ts'
import type { Services } from '../services.ts'
import { streamOperations } from '../streams/stream-operations.ts'
import type { OperationHandlers } from './operation.ts'

/** Every operation, from the parts of the system that perform them. */
export const createHandlers = (services: Services): OperationHandlers => ({
  ...roomOperations(services),
  ...memberOperations(services),
  ...fileOperations(services),
  ...chatOperations(services),
  ...messageOperations(services),
  ...blockOperations(services),
  ...presenceOperations(services),
  ...pushOperations(services),
  ...inboxOperations(services),
  ...nodeOperations(services),
  ...searchOperations(services),
  ...ringOperations(services),
  ...userOperations(services),
  ...dataOperations(services),
  ...callOperations(services),
  ...moderationOperations(services),
  ...breakoutOperations(services),
  ...recordingOperations(services),
  ...streamOperations(services),
  ...botOperations(services),
  ...hookOperations(services),
})
