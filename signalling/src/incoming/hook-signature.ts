import { timingSafeEqual } from 'node:crypto'
import { LIMITS, TrunklineError } from '@trunkline/protocol'
import { signatureOf } from '../outbound/signature.ts'

type Headers = { id: string | undefined; timestamp: string | undefined; signature: string | undefined }

/**
 * Checks what a sender signed by Standard Webhooks.
 * @param secret `whsec_` and base64
 * @param now ms since the epoch
 * @throws TrunklineError `forbidden`, saying which check failed
 */
export const assertSigned = (
  secret: string,
  { id, timestamp, signature }: Headers,
  body: Buffer,
  now = Date.now(),
): void => {
  if (id === undefined || timestamp === undefined || signature === undefined) {
    throw refused(
      'This hook takes only what is signed: send webhook-id, webhook-timestamp and webhook-signature (standardwebhooks.com).',
    )
  }
  if (!/^\d{1,12}$/.test(timestamp)) throw refused('webhook-timestamp must be seconds since 1970.')
  if (Math.abs(now / 1_000 - Number(timestamp)) > LIMITS.hookSignatureSeconds) {
    throw refused(
      `webhook-timestamp is more than ${LIMITS.hookSignatureSeconds} seconds from now: sign when you send, and look at your clock.`,
    )
  }
  const expected = signatureOf(secret, id, timestamp, body)
  const isOurs = signature.split(' ').some(one => {
    const given = Buffer.from(one.startsWith('v1,') ? one.slice(3) : '', 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
  if (!isOurs) {
    throw refused('webhook-signature is not that of this body, id and time with the secret of this hook.')
  }
}

const refused = (message: string) => new TrunklineError('forbidden', message)
