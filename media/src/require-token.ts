import { bearerOf } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'
import type { Request } from 'express'

/** @throws TrunklineError `token_missing` */
export const requireToken = (request: Request): string => {
  const token = bearerOf(request)
  if (token !== undefined) return token
  throw new TrunklineError('token_missing', 'Send the token as "Authorization: Bearer <token>".')
}
