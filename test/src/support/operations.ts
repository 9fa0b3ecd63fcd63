import { type OperationInput, type OperationName, restRequest } from '@trunkline/protocol'
import { type Answer, rest } from './rest.ts'

/** Performs an operation over REST, as its entry in the table says, and returns whatever is answered. */
export const perform = <N extends OperationName>(
  url: string,
  name: N,
  data: OperationInput<N>,
  options: { token?: string | undefined; sender?: string; headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const { sender, ...call } = options
  const { method, path, body } = restRequest(name, data, sender)
  return rest(url, method, path, { ...call, body })
}
