import { createHash, createHmac, randomInt } from 'node:crypto'
import { secretOf } from '../outbound/signature.ts'
import type { Vault } from './vault.ts'

const RANDOM_MAX = 2 ** 48 - 1

/**
 * Tokens and secrets of something that has an id and a number: they follow from these and the installation's secret, so that who
 * tries again is told the same, and the database gives none away.
 */
export class Credentials {
  readonly #key: Buffer

  /** @param purpose those of one tell nothing of another's */
  constructor(vault: Vault, purpose: string) {
    this.#key = vault.key(purpose)
  }

  /** The number of the first; the one after is one higher. Not always the same: an id may be given again. */
  static first(): number {
    return randomInt(RANDOM_MAX)
  }

  /** 256 bits, fit for an address. */
  token(id: string, number: number): string {
    return this.#derive('token', id, number).toString('base64url')
  }

  /** As Standard Webhooks writes it. */
  secret(id: string, number: number): string {
    return secretOf(this.#derive('secret', id, number))
  }

  #derive(kind: string, id: string, number: number): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([kind, id, number]))
      .digest()
  }
}

/** How a presented token is found. */
export const hashOfToken = (token: string): Buffer => createHash('sha256').update(token).digest()
