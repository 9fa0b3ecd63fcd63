import { timingSafeEqual } from 'node:crypto'
import type { Limits } from '../limits.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import { integrityKey, integrityOf } from '../stun/stun.ts'
import { Credentials } from './credentials.ts'
import type { Nonces } from './nonce.ts'
import type { Revocations } from './revocations.ts'
import { Throttle } from './throttle.ts'

export type User = { username: string; password: string }

/** Finds out which user a request's MESSAGE-INTEGRITY proves. */
export class Authenticator {
  readonly #credentials: Credentials
  readonly #revocations: Revocations
  readonly #nonces: Nonces
  readonly #realm: string
  readonly #throttle: Throttle

  constructor(deps: {
    credentials: Credentials
    revocations: Revocations
    nonces: Nonces
    realm: string
    limits: Limits
  }) {
    this.#credentials = deps.credentials
    this.#revocations = deps.revocations
    this.#nonces = deps.nonces
    this.#realm = deps.realm
    this.#throttle = new Throttle(deps.limits.failures, deps.limits.failureSeconds)
  }

  /**
   * @param offset where MESSAGE-INTEGRITY starts in the packet
   * @param claim username and nonce as sent
   * @param held the user of the allocation the request is about: a call outlives its credential
   */
  verify(
    packet: Buffer,
    offset: number,
    claim: { username: unknown; nonce: unknown; client: Endpoint },
    held: User | undefined,
  ): User | 'throttled' | undefined {
    const { username, nonce, client } = claim
    if (typeof username !== 'string' || typeof nonce !== 'string') return undefined
    // Before a valid nonce the address may be forged: no failure is counted, no password computed.
    if (!this.#nonces.valid(nonce, client.toString())) return undefined
    const key = `${client.address} ${username}`
    if (this.#throttle.blocked(key)) return 'throttled'
    const passwords =
      held?.username === username
        ? [held.password]
        : this.#isRevoked(username)
          ? []
          : this.#credentials.passwords(username)
    const sent = packet.subarray(offset + 4, offset + 24)
    const password = passwords.find(candidate =>
      timingSafeEqual(integrityOf(packet, offset, integrityKey(username, this.#realm, candidate)), sent),
    )
    if (password !== undefined) return { username, password }
    this.#throttle.fail(key)
    return undefined
  }

  #isRevoked(username: string): boolean {
    const { user, expiry } = Credentials.parse(username) ?? {}
    return user !== undefined && expiry !== undefined && this.#revocations.holds(user, expiry)
  }
}
