import { createHmac, createSecretKey, randomBytes } from 'node:crypto'

/**
 * Signatures of Standard Webhooks: HMAC-SHA256 over id, time and body, with every secret that is good at the moment.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64')

/**
 * @param secrets as `newSecret` makes them, the latest first
 * @param id the same each time the event is sent
 */
export const signedHeaders = (
  secrets: readonly string[],
  id: string,
  sentAt: Date,
  body: string,
): Record<string, string> => {
  const timestamp = String(Math.floor(sentAt.getTime() / 1_000))
  const signatures = secrets.map(secret => {
    // As a key: with plain bytes Node takes 30 µs to find out that they are none, and signing takes 6.
    const key = createSecretKey(secret.slice(PREFIX.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
