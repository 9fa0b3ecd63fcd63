import type {
  OPERATIONS,
  OperationAnswer,
  OperationData,
  OperationName,
  Role,
  RoomAction,
  User,
} from '@trunkline/protocol'
import type { Principal } from '../identity/authenticate.ts'
import type { Session } from '../session.ts'

type UserOf<N extends OperationName> = (typeof OPERATIONS)[N]['sender'] extends 'required'
  ? User
  : User | undefined
type RoleOf<N extends OperationName> = (typeof OPERATIONS)[N]['right'] extends RoomAction ? Role : undefined

/** Who performs an operation, and how it came. */
export type Performance<N extends OperationName = OperationName> = {
  principal: Principal
  /** In whose name; undefined when an API key acts for itself. */
  user: UserOf<N>
  /** The role by which the right was given: the user's own; `owner` for an API key, which may do everything. */
  role: RoleOf<N>
  /** From `Idempotency-Key`: the same for each retry of one caller, and fit for a clientId. */
  retryKey: string | undefined
  /** The socket it came by; undefined over REST. */
  session: Session | undefined
}

export type OperationHandler<N extends OperationName> = (
  data: OperationData<N>,
  performance: Performance<N>,
) => Promise<OperationAnswer<N>>

/** What performs each operation. A part of the system gives those of its own nouns. */
export type OperationHandlers = { [N in OperationName]: OperationHandler<N> }
