import { type IssuedToken, LIMITS, TokenClaims, TrunklineError, type User } from '@trunkline/protocol'
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import type { ApiKeys } from './api-keys.ts'
import type { Vault } from './vault.ts'

/** `kid` of tokens we sign ourselves. */
const OWN_KEY_ID = 'trunkline'
/** Clocks of app servers are not ours. */
export const CLOCK_TOLERANCE_SECONDS = 10

type Grants = Pick<TokenClaims, 'rooms' | 'calls'>

/** Signs and checks users' JWTs (HS256). */
export class Tokens {
  readonly #apiKeys: ApiKeys
  readonly #ownSecret: Uint8Array

  constructor(apiKeys: ApiKeys, vault: Vault) {
    this.#apiKeys = apiKeys
    this.#ownSecret = vault.key('tokens')
  }

  async issue(user: User, options: Grants & { ttlSeconds?: number | undefined } = {}): Promise<IssuedToken> {
    const expiresAt = Math.floor(Date.now() / 1000) + (options.ttlSeconds ?? LIMITS.tokenSecondsDefault)
    const { rooms, calls } = options
    const claims = { name: user.name, kind: user.kind, ...(rooms && { rooms }), ...(calls && { calls }) }
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: OWN_KEY_ID })
      .setSubject(user.id)
      .setIssuedAt()
      .setExpirationTime(expiresAt)
      .sign(this.#ownSecret)
    return { token, user, expiresAt: new Date(expiresAt * 1000).toISOString() }
  }

  /** @throws TrunklineError saying which check failed */
  async verify(token: string): Promise<TokenClaims> {
    const secret = await this.#secretFor(token)
    try {
      const { payload } = await jwtVerify(token, secret, {
        algorithms: ['HS256'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      })
      const claims = TokenClaims.safeParse(payload)
      if (claims.success) return claims.data
      const fault = claims.error.issues[0]
      throw new TrunklineError(
        'token_malformed',
        `The token's claim "${fault?.path.join('.')}" is not valid: ${fault?.message}.`,
      )
    } catch (error) {
      throw explain(error)
    }
  }

  async #secretFor(token: string): Promise<Uint8Array> {
    let keyId: unknown
    try {
      keyId = decodeProtectedHeader(token).kid
    } catch (error) {
      throw new TrunklineError('token_malformed', 'The token is neither an API key known here nor a JWT.', {
        cause: error,
      })
    }
    if (keyId === OWN_KEY_ID) return this.#ownSecret
    if (typeof keyId !== 'string') {
      throw new TrunklineError(
        'token_malformed',
        'The JWT has no "kid" in its header: put the id of your API key there.',
      )
    }
    const secret = await this.#apiKeys.secretOf(keyId)
    if (secret === undefined) {
      throw new TrunklineError(
        'token_signature',
        'The JWT names an API key ("kid") that does not exist here.',
      )
    }
    return new TextEncoder().encode(secret)
  }
}

const explain = (error: unknown): unknown => {
  if (error instanceof errors.JWTExpired) {
    return new TrunklineError('token_expired', 'The token has expired. Ask for a new one.', { cause: error })
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new TrunklineError('token_signature', 'The token was not signed with the key its header names.', {
      cause: error,
    })
  }
  if (error instanceof errors.JOSEError) {
    return new TrunklineError('token_malformed', `The token cannot be used: ${error.message}.`, {
      cause: error,
    })
  }
  return error
}
