import { IdempotencyKey, parse, TrunklineError } from '@trunkline/protocol'
import type { Request } from 'express'
import type { Principal } from '../identity/authenticate.ts'
import { derivedId } from '../ids.ts'

/** What an `Idempotency-Key` stands for: an id of its own for each caller and address. */
export const retryKeyOf = (request: Request, principal: Principal | undefined): string | undefined => {
  const key = parse(IdempotencyKey.optional(), request.get('Idempotency-Key'), 'Idempotency-Key')
  if (key === undefined) return undefined
  const caller = principal?.type === 'key' ? principal.keyId : principal?.user.id
  return derivedId('retry', JSON.stringify([principal?.type, caller, request.path, key]))
}

/** Nothing was read: there was nothing, or it was not called JSON. */
export const withoutBody = (what: string, request: Request): TrunklineError =>
  /^application\/([^;]+\+)?json\s*(;|$)/i.test(request.get('Content-Type') ?? '')
    ? new TrunklineError('invalid_request', `The body of ${what} is empty: send JSON.`)
    : new TrunklineError(
        'unsupported_media_type',
        `${what} takes a JSON body: send Content-Type: application/json.`,
      )
