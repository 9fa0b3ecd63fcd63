import { createHmac, createSecretKey } from 'node:crypto'

const PREFIX = 'whsec_'

/** A secret as Standard Webhooks writes it. */
export const secretOf = (bytes: Buffer): string => PREFIX + bytes.toString('base64')

/**
 * A signature of Standard Webhooks: HMAC-SHA256 over id, time and body.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @param secret as `secretOf` writes it
 * @param timestamp seconds since 1970
 */
export const signatureOf = (secret: string, id: string, timestamp: string, body: string | Buffer): Buffer => {
  // As a key: with plain bytes Node takes 30 µs to find out that they are none, and signing takes 6.
  const key = createSecretKey(secret.slice(PREFIX.length), 'base64')
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
}

/**
 * The headers of Standard Webhooks: signed with every secret that is good at the moment.
 * @param secrets as `secretOf` writes them, the latest first
 * @param id the same each time the event is sent
 */
export const signedHeaders = (
  secrets: readonly string[],
  id: string,
  sentAt: Date,
  body: string,
): Record<string, string> => {
  const timestamp = String(Math.floor(sentAt.getTime() / 1_000))
  const signatures = secrets.map(
    secret => `v1,${signatureOf(secret, id, timestamp, body).toString('base64')}`,
  )
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
