import { ERRORS, type Problem, TrunklineError } from '@trunkline/protocol'

/** Any thrown value as the error a client may see: what was not meant for it becomes `internal`, its text the `cause`. */
export const toTrunklineError = (error: unknown): TrunklineError =>
  error instanceof TrunklineError
    ? error
    : new TrunklineError(
        'internal',
        'Something went wrong on the server. Try again; if it stays, its log says what it was.',
        { cause: error },
      )

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
