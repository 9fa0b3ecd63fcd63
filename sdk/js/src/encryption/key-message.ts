import { fromBase64Url, toBase64Url } from './base64url.ts'
import { concat } from './sframe.ts'

/** From whom to whom, in which call. */
export type Route = { callId: string; from: string; to: string }

/** What a participant seals with: `epoch` counts its new keys, `step` how often one was ratcheted. */
export type SenderKey = { epoch: number; step: number; bytes: Uint8Array }

/** Asks for the key that its receiver sends with. Who asks is not proved: only who is in the call is answered, and sealed. */
export const ASK = toBase64Url(Uint8Array.of(1))

const KEY = 2
/** The kind, epoch and step. */
const HEAD_BYTES = 9
const IV_BYTES = 12
const SECRET_BYTES = 32
const TAG_BYTES = 16

const encoder = new TextEncoder()
/** What a message is good for: nothing else opens with it. */
const bound = ({ callId, from, to }: Route, head: Uint8Array) =>
  concat(encoder.encode(`trunkline key ${JSON.stringify([callId, from, to])}`), head)

/** Seals a sender's key for one other. */
export const sealKey = async (pair: CryptoKey, route: Route, key: SenderKey): Promise<string> => {
  const head = new Uint8Array(HEAD_BYTES)
  const view = new DataView(head.buffer)
  view.setUint8(0, KEY)
  view.setUint32(1, key.epoch)
  view.setUint32(5, key.step)
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const of = { name: 'AES-GCM', iv, additionalData: bound(route, head) }
  const sealed = await crypto.subtle.encrypt(of, pair, key.bytes as BufferSource)
  return toBase64Url(concat(head, iv, new Uint8Array(sealed)))
}

/** Undefined for whatever was not sealed so. */
export const openKey = async (
  pair: CryptoKey,
  route: Route,
  text: string,
): Promise<SenderKey | undefined> => {
  try {
    const bytes = fromBase64Url(text)
    if (bytes[0] !== KEY || bytes.length !== HEAD_BYTES + IV_BYTES + SECRET_BYTES + TAG_BYTES)
      return undefined
    const head = bytes.slice(0, HEAD_BYTES)
    const iv = bytes.slice(HEAD_BYTES, HEAD_BYTES + IV_BYTES)
    const of = { name: 'AES-GCM', iv, additionalData: bound(route, head) }
    const secret = await crypto.subtle.decrypt(of, pair, bytes.slice(HEAD_BYTES + IV_BYTES))
    const view = new DataView(head.buffer)
    return { epoch: view.getUint32(1), step: view.getUint32(5), bytes: new Uint8Array(secret) }
  } catch {
    return undefined
  }
}
