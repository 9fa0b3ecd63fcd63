import { fromBase64Url } from './base64url.ts'
import { agree, type ShownPair } from './device-key.ts'
import { concat, hkdf } from './sframe.ts'

/** Of one participant, what both know. */
export type Shown = { id: string; deviceKey: string; callKey: string }
/** Oneself in a call: the pair of this device, and the one made for this call. */
export type Self = { id: string; device: ShownPair; call: ShownPair }

const encoder = new TextEncoder()

/**
 * A key that two participants of a call have, and nobody else: from the pairs of their devices, so that each knows who the
 * other is, and from the pairs of this call, so that whoever gets hold of a device later reads nothing of before. All that
 * the two were shown goes in: shown otherwise to one of them, they come to two keys. It is the triple agreement that X3DH
 * (https://signal.org/docs/specifications/x3dh/) is made of.
 */
export const pairKey = async (callId: string, self: Self, other: Shown): Promise<CryptoKey> => {
  const own: Shown = { id: self.id, deviceKey: self.device.shown, callKey: self.call.shown }
  const isFirst = own.id < other.id
  const [device, call] = [fromBase64Url(other.deviceKey), fromBase64Url(other.callKey)]
  const [both, ours, theirs] = await Promise.all([
    agree(self.call.pair, call),
    agree(self.device.pair, call),
    agree(self.call.pair, device),
  ])
  const order = ({ id, deviceKey, callKey }: Shown) => [id, deviceKey, callKey]
  const shown = isFirst ? [order(own), order(other)] : [order(other), order(own)]
  const info = encoder.encode(`trunkline pair ${JSON.stringify([callId, ...shown])}`)
  const secret = concat(both, ...(isFirst ? [ours, theirs] : [theirs, ours]))
  const bytes = await hkdf(secret, info, 256)
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
}
