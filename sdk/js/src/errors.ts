import { ERRORS, TrunklineError, type WireError } from '@trunkline/protocol'

const isWireError = (value: unknown): value is WireError =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  typeof value.code === 'string' &&
  Object.hasOwn(ERRORS, value.code) &&
  'message' in value &&
  typeof value.message === 'string'

/** Any thrown or received value as a TrunklineError; what is not known counts as `unavailable`, which may be retried. */
export const toTrunklineError = (value: unknown): TrunklineError => {
  if (value instanceof TrunklineError) return value
  if (isWireError(value)) return TrunklineError.fromWire(value)
  const message = value instanceof Error ? value.message : String(value)
  return new TrunklineError('unavailable', message, { cause: value })
}
