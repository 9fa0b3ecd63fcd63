import { toTrunklineError } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'
import { errors } from 'mediasoup'

export const notFound = (what: string, id: string): TrunklineError =>
  new TrunklineError('not_found', `There is no ${what} "${id}" of yours in this call.`)

export const notInCall = (participantId: string): TrunklineError =>
  new TrunklineError(
    'not_in_call',
    `Participant "${participantId}" is not in this room's call: join it first.`,
  )

export const unavailable = (message: string, cause?: unknown): TrunklineError =>
  new TrunklineError('unavailable', message, cause === undefined ? {} : { cause })

/** The engine went away under a request. */
const isGone = (error: unknown): boolean => error instanceof errors.WorkerClosedError

/**
 * Runs a step whose only uncertain input is what the client sent: the engine's refusal is the client's error.
 * @param what names the request in the error
 * @throws TrunklineError `invalid_request`, or `unavailable` when the worker is gone
 */
export const refusedAsInvalid = async <T>(what: string, step: () => Promise<T> | T): Promise<T> => {
  try {
    return await step()
  } catch (error) {
    if (error instanceof TrunklineError || isGone(error)) throw asTrunklineError(error)
    const reason = error instanceof Error ? error.message : String(error)
    throw new TrunklineError('invalid_request', `${what} was refused by the media engine: ${reason}`, {
      cause: error,
    })
  }
}

/** Any thrown value as the TrunklineError that `Sfu.request` promises. */
export const asTrunklineError = (error: unknown): TrunklineError => {
  if (isGone(error)) return unavailable('The media worker of this call is gone: join again.', error)
  return toTrunklineError(error)
}
