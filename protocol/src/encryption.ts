import { z } from 'zod'
import { ParticipantId } from './ids.ts'
import { LIMITS } from './limits.ts'

/** Bytes of a point of P-256 as it is shown to others: uncompressed (SEC 1, section 2.3.3). */
export const PUBLIC_KEY_BYTES = 65

/** A public key of ECDH on P-256, in base64url without padding. */
export const PublicKey = z
  .string()
  .regex(/^[A-Za-z0-9_-]{87}$/, { message: `must be ${PUBLIC_KEY_BYTES} bytes in base64url` })
export type PublicKey = z.infer<typeof PublicKey>

/** Whose keys: what all have from the app, or those of the devices of those in the call. */
export const EncryptionKeys = z.enum(['app', 'devices'])
export type EncryptionKeys = z.infer<typeof EncryptionKeys>

/**
 * How somebody in a call encrypts what they send end to end, by their own account: the server can check none of it, and
 * what opens with no key is not shown whatever is said here. Who has none of this does not encrypt.
 */
export const ParticipantEncryption = z.discriminatedUnion('keys', [
  /** With a key that all have from the app. */
  z.strictObject({ keys: z.literal('app') }),
  /** With keys of their own, which they give to the others by `key:send`. */
  z.strictObject({
    keys: z.literal('devices'),
    /** The same in every call on this device: what people compare, and what is remembered. */
    deviceKey: PublicKey,
    /** Made for this call, and gone with it. */
    callKey: PublicKey,
  }),
])
export type ParticipantEncryption = z.infer<typeof ParticipantEncryption>

/** What one participant tells another of keys. Only those two read it. */
export const KeyMessage = z.strictObject({
  to: ParticipantId,
  text: z
    .string()
    .min(1)
    .max(LIMITS.keyMessageChars)
    .regex(/^[A-Za-z0-9_-]+$/, { message: 'must be base64url' }),
})
export type KeyMessage = z.infer<typeof KeyMessage>

export const KeyMessages = z.array(KeyMessage).min(1).max(LIMITS.keyMessagesPerRequest)
