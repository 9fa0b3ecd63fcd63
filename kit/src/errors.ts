import { ERRORS, type Problem, TrunklineError } from '@trunkline/protocol'
import { isDatabaseAway } from './database.ts'

/** When to try again where the database was not there, ms: the embedded one is back after about as long. */
const RETRY_AFTER_MS = 1_000

/**
 * Any thrown value as the error a client may see: what was not meant for it becomes `internal`, or `unavailable` where
 * the database was away, its text the `cause`.
 */
export const toTrunklineError = (error: unknown): TrunklineError => {
  if (error instanceof TrunklineError) return error
  if (isDatabaseAway(error)) {
    return new TrunklineError(
      'unavailable',
      'The server cannot reach what it keeps its data in right now. Try again in a moment.',
      { cause: error, details: { retryAfterMs: RETRY_AFTER_MS } },
    )
  }
  return new TrunklineError(
    'internal',
    'Something went wrong on the server. Try again; if it stays, its log says what it was.',
    { cause: error },
  )
}

/** A request by a name that the contract does not have. */
export const unknownRequest = (name: string): TrunklineError =>
  new TrunklineError('unknown_request', `There is no request "${name.slice(0, 64)}".`)

/** An error as the body of an `application/problem+json` answer (RFC 9457). */
export const problemOf = (error: TrunklineError, requestId: string): Problem => ({
  type: `https://trunkline.dev/errors/${error.code}`,
  title: ERRORS[error.code].title,
  status: error.status,
  code: error.code,
  detail: error.message,
  requestId,
  ...error.details,
})
