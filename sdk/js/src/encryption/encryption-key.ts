import { TrunklineError } from '@trunkline/protocol'

/** What a call is encrypted with: a passphrase that people can say, or random bytes. */
export type EncryptionKey = string | Uint8Array

/** OWASP's advice of 2023 for PBKDF2 with SHA-256; about a quarter of a second, once. */
const PASSPHRASE_ROUNDS = 600_000
const SECRET_BITS = 256
/** Of a key of bytes: as many as the cipher takes. */
const KEY_BYTES_MIN = 16

const encoder = new TextEncoder()

/**
 * The secret a key gives. Bytes are taken as they are; a passphrase gives another secret in each room.
 * @throws TrunklineError `invalid_request` for an empty key, or too few bytes
 */
export const secretFromKey = async (key: EncryptionKey, roomId: string): Promise<Uint8Array> => {
  if (key.length < (typeof key === 'string' ? 1 : KEY_BYTES_MIN)) {
    throw new TrunklineError(
      'invalid_request',
      `The key to encrypt a call with is too short: give a passphrase, or ${KEY_BYTES_MIN} random bytes or more.`,
    )
  }
  if (typeof key !== 'string') return key.slice()
  const passphrase = encoder.encode(key.normalize('NFKC'))
  const raw = await crypto.subtle.importKey('raw', passphrase, 'PBKDF2', false, ['deriveBits'])
  const salt = encoder.encode(`trunkline room ${roomId}`)
  const of = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: PASSPHRASE_ROUNDS }
  return new Uint8Array(await crypto.subtle.deriveBits(of, raw, SECRET_BITS))
}
