import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * What is derived from the installation's one secret: keys for each purpose, and encryption of what must be read back
 * (AES-256-GCM). A copy of the database alone gives nothing away.
 */
export class Vault {
  readonly #secret: string

  constructor(secret: string) {
    this.#secret = secret
  }

  /** 32 bytes for one purpose; knowing them tells nothing of another's. */
  key(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#secret, '', `trunkline ${purpose}`, 32))
  }

  seal(text: string): Buffer {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.key('seal'), iv)
    return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  }

  /** @throws Error when it was sealed with another secret */
  unseal(sealed: Buffer): string {
    const decipher = createDecipheriv('aes-256-gcm', this.key('seal'), sealed.subarray(0, IV_BYTES))
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    )
  }
}
