import { parse, UserId } from '@trunkline/protocol'
import type { Request } from 'express'
import { requireToken } from './require-token.ts'

/** Whose token a request has, and in whose name it is made: an app's server, with its API key, names a user. */
export type Asker = { token: string; sender?: string | undefined }

/** @throws TrunklineError `token_missing`; `invalid_request` when `sender` is no user's id */
export const askerOf = (request: Request): Asker => ({
  token: requireToken(request),
  sender: parse(UserId.optional(), request.query.sender, 'sender'),
})
