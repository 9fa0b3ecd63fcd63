import { OPERATIONS, type OperationData, type OperationName } from '@trunkline/protocol'

/** An operation as REST carries it. */
export type RestRequest = {
  method: string
  /** With its query. */
  path: string
  body?: Record<string, unknown>
}

const written = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value))

/** What to send for an operation: fields of the path there, the others in the query of GET and DELETE, else in the body. */
export const restRequest = <N extends OperationName>(
  name: N,
  data: OperationData<N>,
  sender?: string,
): RestRequest => {
  const { method, path } = OPERATIONS[name].rest
  const rest = new Map(Object.entries({ ...data, sender }).filter(([, value]) => value !== undefined))
  const address = path.replace(/\{(\w+)\}/g, (_, field: string) => {
    const value = rest.get(field)
    rest.delete(field)
    return encodeURIComponent(String(value))
  })
  if (method !== 'get' && method !== 'delete') {
    return { method, path: address, ...(rest.size > 0 && { body: Object.fromEntries(rest) }) }
  }
  const query = new URLSearchParams(Array.from(rest, ([field, value]) => [field, written(value)]))
  return { method, path: rest.size > 0 ? `${address}?${query}` : address }
}
