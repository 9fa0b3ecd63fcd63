import { OPERATIONS, type OperationInput, type OperationName } from '@trunkline/protocol'
import { type Answer, rest } from './rest.ts'

/** Performs an operation over REST, as its entry in the table says, and returns whatever is answered. */
export const perform = <N extends OperationName>(
  url: string,
  name: N,
  data: OperationInput<N>,
  options: { token?: string | undefined; sender?: string } = {},
): Promise<Answer> => {
  const { method, path } = OPERATIONS[name].rest
  const { token, sender } = options
  const fields = new Map(Object.entries({ ...data, ...(sender === undefined ? {} : { sender }) }))
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, field: string) => {
    const value = String(fields.get(field))
    fields.delete(field)
    return encodeURIComponent(value)
  })
  if (method !== 'get' && method !== 'delete') {
    return rest(url, method.toUpperCase(), filled, { token, body: Object.fromEntries(fields) })
  }
  const query = new URLSearchParams([...fields].map(([field, value]) => [field, String(value)]))
  return rest(url, method.toUpperCase(), `${filled}?${query}`, { token })
}
