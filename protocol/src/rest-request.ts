import { OPERATIONS, type OperationInput, type OperationName } from './operations.ts'

/** An operation as REST carries it. */
export type RestRequest = {
  /** In capitals. */
  method: string
  /** With its query. */
  path: string
  body?: Record<string, unknown>
}

const written = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value))

/**
 * What to send for an operation: fields of the path there, the others in the query of GET and DELETE, else in the body.
 * @param sender in whose name an API key acts
 */
export const restRequest = <N extends OperationName>(
  name: N,
  data: OperationInput<N>,
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
    return {
      method: method.toUpperCase(),
      path: address,
      ...(rest.size > 0 && { body: Object.fromEntries(rest) }),
    }
  }
  const query = new URLSearchParams(Array.from(rest, ([field, value]) => [field, written(value)]))
  return { method: method.toUpperCase(), path: rest.size > 0 ? `${address}?${query}` : address }
}
