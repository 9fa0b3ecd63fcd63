import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { StreamOrder } from '@trunkline/protocol'
import { z } from 'zod'

/** An order as a job keeps it: where it is sent to is a secret that no copy of the database tells. */
export const SealedOrder = StreamOrder.omit({ rtmp: true }).extend({ sealed: z.string().optional() })
export type SealedOrder = z.infer<typeof SealedOrder>

const NONCE_BYTES = 12
const TAG_BYTES = 16

const derived = (key: Buffer, purpose: string): Buffer =>
  createHmac('sha256', key).update(`live ${purpose}`).digest()

/** @param key of the installation's links */
export const sealOrder = ({ rtmp, ...order }: StreamOrder, key: Buffer): SealedOrder => {
  if (rtmp === undefined) return order
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', derived(key, 'target'), nonce)
  const sealed = Buffer.concat([cipher.update(rtmp, 'utf8'), cipher.final()])
  return { ...order, sealed: Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url') }
}

/** @throws Error when another key sealed it */
export const openOrder = ({ sealed, ...order }: SealedOrder, key: Buffer): StreamOrder => {
  if (sealed === undefined) return order
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', derived(key, 'target'), bytes.subarray(0, NONCE_BYTES))
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  const rtmp = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
  return { ...order, rtmp: rtmp.toString() }
}

/** What makes the address of a stream one that nobody guesses. */
export const watchKey = (streamId: string, key: Buffer): string =>
  createHmac('sha256', derived(key, 'watch')).update(streamId).digest('base64url')

export const isWatchKey = (given: string, streamId: string, key: Buffer): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(watchKey(streamId, key))]
  return a.length === b.length && timingSafeEqual(a, b)
}
