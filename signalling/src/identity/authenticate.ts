import { type CallRole, type GrantedRole, TrunklineError, type User } from '@trunkline/protocol'
import type { Bots } from '../bots/bots.ts'
import type { ApiKeys } from './api-keys.ts'
import type { DeletedUsers } from './deleted-users.ts'
import { CLOCK_TOLERANCE_SECONDS, type Tokens } from './tokens.ts'
import type { Users } from './users.ts'

/** An app's server: may act for any user. */
export type KeyPrincipal = { type: 'key'; keyId: string }
/** A user, with the rooms the token lets it into beside those it is a member of. */
export type UserPrincipal = {
  type: 'user'
  user: User
  grants: ReadonlyMap<string, GrantedRole>
  /** What the token makes the user in the calls of rooms. */
  calls: ReadonlyMap<string, CallRole>
  /** The latest moment its token can have been made, ms since the epoch: tokens tell seconds, or nothing. */
  issuedAt: number
  /** From when on its token admits nobody any more, ms since the epoch. */
  expiresAt: number
}
export type Principal = KeyPrincipal | UserPrincipal

/** Who presents this bearer token. */
export type Authenticate = (token: string | undefined) => Promise<Principal>

/** @throws TrunklineError from the returned function: `token_*`, saying which check failed */
export const createAuthenticate =
  (deps: {
    apiKeys: ApiKeys
    tokens: Tokens
    users: Users
    deletedUsers: DeletedUsers
    bots: Bots
  }): Authenticate =>
  async token => {
    if (!token) {
      throw new TrunklineError(
        'token_missing',
        'Send "Authorization: Bearer <token>" with an API key or a user token.',
      )
    }
    // An API key may have any form the operator chose, so it is looked up before anything is read into it.
    const keyId = await deps.apiKeys.identify(token)
    if (keyId !== undefined) return { type: 'key', keyId }
    if (deps.bots.isToken(token)) return bot(deps, token)
    const claims = await deps.tokens.verify(token)
    if (await deps.deletedUsers.assertAdmits(claims.sub, claims.iat)) deps.users.forget(claims.sub)
    const user = await deps.users.ensure({
      id: claims.sub,
      name: claims.name,
      kind: claims.kind ?? 'user',
      namedAt: new Date((claims.iat ?? 0) * 1000),
    })
    return {
      type: 'user',
      user,
      grants: new Map(Object.entries(claims.rooms ?? {})),
      calls: new Map(Object.entries(claims.calls ?? {})),
      issuedAt: claims.iat === undefined ? 0 : (claims.iat + 1) * 1000 - 1,
      expiresAt: (claims.exp + CLOCK_TOLERANCE_SECONDS) * 1000,
    }
  }

/** A bot's token lasts until it is replaced. */
const bot = async (
  { bots, deletedUsers }: { bots: Bots; deletedUsers: DeletedUsers },
  token: string,
): Promise<UserPrincipal> => {
  const { user, createdAt } = await bots.identify(token)
  await deletedUsers.assertAdmits(user.id, createdAt.getTime() / 1_000)
  return botPrincipal(user, createdAt)
}

/** A bot as it acts, by its token or by what it answers: in rooms it is a member of, and no others. */
export const botPrincipal = (user: User, createdAt: Date): UserPrincipal => ({
  type: 'user',
  user,
  grants: new Map(),
  calls: new Map(),
  issuedAt: createdAt.getTime(),
  expiresAt: Number.POSITIVE_INFINITY,
})
