import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'

const HMAC_DIGITS = 24
/** Says that we follow RFC 8489 (section 9.2), and that we offer none of its security features. */
const COOKIE = 'obMatJos2AAAA'
const NONCE = new RegExp(`^${COOKIE}([0-9a-z]{1,10})-([0-9a-f]{24})$`)

/**
 * Nonces that are computed, not stored: a time and an HMAC over it and the client's address and port. A
 * flood of first requests costs no memory, and a nonce is worth nothing from another address.
 */
export class Nonces {
  readonly #key: KeyObject
  readonly #lifetimeMs: number

  /** @param key the same in every process of a fleet, so that a nonce outlives the one that gave it */
  constructor(lifetimeSeconds: number, key: Buffer = randomBytes(32)) {
    this.#key = createSecretKey(key)
    this.#lifetimeMs = lifetimeSeconds * 1000
  }

  #sign(time: string, client: string): Buffer {
    const digest = createHmac('sha256', this.#key).update(`${time} ${client}`).digest('hex')
    return Buffer.from(digest.slice(0, HMAC_DIGITS))
  }

  /** @param client address and port the request came from */
  create(client: string, now = Date.now()): string {
    const time = now.toString(36)
    return `${COOKIE}${time}-${this.#sign(time, client)}`
  }

  valid(nonce: string, client: string, now = Date.now()): boolean {
    const [, time, signature] = NONCE.exec(nonce) ?? []
    if (time === undefined || signature === undefined) return false
    if (!timingSafeEqual(Buffer.from(signature), this.#sign(time, client))) return false
    const age = now - Number.parseInt(time, 36)
    return age >= 0 && age <= this.#lifetimeMs
  }
}
