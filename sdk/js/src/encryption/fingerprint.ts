import { fromBase64Url } from './base64url.ts'
import { concat } from './sframe.ts'

/** Groups of digits, each of five bytes; as Signal's safety numbers are written. */
const GROUPS = 6
const GROUP_BYTES = 5
const GROUP_DIGITS = 5

/**
 * Rounds of PBKDF2. Whoever sits between two people may look for two keys at once that make both numbers the same, and so
 * needs the square root of what guessing one takes: with these, 2^50 tries of 2^17 hashes each.
 */
const ROUNDS = 131_072

const encoder = new TextEncoder()

const digitsOf = (bytes: Uint8Array): string =>
  Array.from({ length: GROUPS }, (_, n) => {
    const group = bytes.subarray(n * GROUP_BYTES, (n + 1) * GROUP_BYTES)
    const value = group.reduce((sum, byte) => sum * 256 + byte, 0)
    return String(value % 10 ** GROUP_DIGITS).padStart(GROUP_DIGITS, '0')
  }).join(' ')

/** Thirty digits that stand for a device's public key. */
export const fingerprintOf = async (deviceKey: string): Promise<string> => {
  const of = concat(encoder.encode('trunkline device '), fromBase64Url(deviceKey))
  return digitsOf(new Uint8Array(await crypto.subtle.digest('SHA-256', of)))
}

/**
 * Thirty digits that stand for everybody's device key: the same at all who were shown the same keys, in whatever order, in
 * each call of the same people on the same devices.
 */
export const safetyNumberOf = async (
  people: readonly { userId: string; deviceKey: string }[],
): Promise<string> => {
  const all = [...new Set(people.map(({ userId, deviceKey }) => JSON.stringify([userId, deviceKey])))].sort()
  const raw = await crypto.subtle.importKey('raw', encoder.encode(JSON.stringify(all)), 'PBKDF2', false, [
    'deriveBits',
  ])
  const of = {
    name: 'PBKDF2',
    hash: 'SHA-256',
    salt: encoder.encode('trunkline safety number'),
    iterations: ROUNDS,
  }
  return digitsOf(new Uint8Array(await crypto.subtle.deriveBits(of, raw, 256)))
}
