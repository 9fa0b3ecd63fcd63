import {
  OPERATIONS,
  type Operation,
  type OperationAnswer,
  type OperationData,
  type OperationName,
} from '@trunkline/protocol'
import type { FairShare } from '../fair-share.ts'
import type { Principal } from '../identity/authenticate.ts'
import type { Users } from '../identity/users.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Session } from '../session.ts'
import { actingUser, senderMissing } from './acting-user.ts'
import type { OperationHandler, OperationHandlers, Performance } from './operation.ts'

/** Who asks, before it is known whether they may. */
export type Asking = {
  principal: Principal
  /** The user an API key acts for, as it was named. */
  sender?: string | undefined
  retryKey?: string | undefined
  session?: Session | undefined
}

/** Performs an operation for whoever asks, over REST or a socket alike; `data` is parsed. */
export type Perform = <N extends OperationName>(
  name: N,
  data: OperationData<N>,
  asking: Asking,
) => Promise<OperationAnswer<N>>

/**
 * The one way to every operation: whose name it is done in, and the right that the table of operations demands, are
 * settled here, so no handler can forget to ask.
 * @throws TrunklineError from the returned function: `forbidden`, `room_not_found`, or what the handler throws
 */
export const createPerform = (deps: {
  rooms: Rooms
  users: Users
  fairShare: FairShare
  handlers: OperationHandlers
}): Perform => {
  const { rooms, users, fairShare, handlers } = deps

  const perform: Perform = async (name, data, asking) => {
    const operation: Operation = OPERATIONS[name]
    const { principal, retryKey, session } = asking
    const user = await actingUser(users, principal, asking.sender)
    if (operation.sender === 'required' && !user) throw senderMissing()
    const role =
      operation.right === 'none'
        ? undefined
        : await rooms.authorise(principal, (data as { roomId: string }).roomId, operation.right, user)
    const handler = handlers[name] as OperationHandler<typeof name>
    return handler(data, { principal, user, role, retryKey, session } as Performance<typeof name>)
  }

  return (name, data, asking) =>
    asking.principal.type === 'user'
      ? fairShare.run(asking.principal.user.id, () => perform(name, data, asking))
      : perform(name, data, asking)
}
