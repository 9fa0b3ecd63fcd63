import { OPERATIONS, type OperationData, type OperationName } from '@trunkline/protocol'
import type { Session } from '../session.ts'
import type { OperationHandlers } from './operation.ts'
import type { Perform } from './perform.ts'

type Requests = { [N in OperationName]: (data: OperationData<N>) => ReturnType<OperationHandlers[N]> }

/** Every operation as a socket asks for it: in the name of its user. */
export const operationRequests = (perform: Perform, session: Session): Requests => {
  const { principal } = session.data
  const names = Object.keys(OPERATIONS) as OperationName[]
  return Object.fromEntries(
    names.map(name => [
      name,
      (data: OperationData<typeof name>) => perform(name, data, { principal, session }),
    ]),
  ) as Requests
}
