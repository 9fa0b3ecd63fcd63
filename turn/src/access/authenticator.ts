import { type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Limits } from '../limits.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import { integrityKey, integrityOf } from '../stun/stun.ts'
import { Credentials } from './credentials.ts'
import type { Nonces } from './nonce.ts'
import type { Revocations } from './revocations.ts'
import { Throttle } from './throttle.ts'

/** Somebody proven, with the key of the long-term credential: it signs the answers, and outlives the credential. */
export type User = { readonly username: string; readonly key: KeyObject }

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
    claim: { username: string; nonce: string; client: Endpoint },
    held: User | undefined,
  ): User | 'staleNonce' | 'throttled' | 'unauthorized' {
    const { username, nonce, client } = claim
    const source = client.toString()
    // Before a valid nonce the address may be forged: no failure is counted, no password computed.
    if (!this.#nonces.valid(nonce, source)) return 'staleNonce'
    // By address and port, which nobody else has. Were it by address and username, whoever knows the username of somebody
    // at the same address could end that one's calls. What is saved is our time: 160 bits are not to be guessed.
    if (this.#throttle.blocked(source)) return 'throttled'
    const sent = packet.subarray(offset + 4, offset + 24)
    const right = held?.username === username ? [held.key] : this.#keys(username)
    const key = right.find(candidate => timingSafeEqual(integrityOf(packet, offset, candidate), sent))
    if (key) return { username, key }
    this.#throttle.count(source)
    return 'unauthorized'
  }

  /** One for each secret that is valid now. */
  #keys(username: string): KeyObject[] {
    const { user, expiry } = Credentials.parse(username) ?? {}
    if (user === undefined || expiry === undefined || this.#revocations.holds(user, expiry)) return []
    return this.#credentials
      .passwords(username)
      .map(password => integrityKey(username, this.#realm, password))
  }
}
