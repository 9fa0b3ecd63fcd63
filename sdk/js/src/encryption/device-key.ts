import { TrunklineError } from '@trunkline/protocol'
import { toBase64Url } from './base64url.ts'

/** X25519 is younger than encoded transforms in Firefox and Safari; this is in every browser, and in Node. */
const CURVE = { name: 'ECDH', namedCurve: 'P-256' }

/** A pair of keys, and its public half as others see it. */
export type ShownPair = { pair: CryptoKeyPair; shown: string }

/** Makes a pair whose private key nobody can read, not even the page. */
export const makeKeyPair = (): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey(CURVE, false, ['deriveBits']) as Promise<CryptoKeyPair>

/** @throws TrunklineError `invalid_request` for a pair of another kind, or one that may not derive */
export const showPair = async (pair: CryptoKeyPair): Promise<ShownPair> => {
  const { name, namedCurve } = pair.privateKey.algorithm as EcKeyAlgorithm
  if (
    name !== CURVE.name ||
    namedCurve !== CURVE.namedCurve ||
    !pair.privateKey.usages.includes('deriveBits')
  )
    throw new TrunklineError(
      'invalid_request',
      'A device key is a pair of ECDH keys on P-256 that may derive bits, as makeDeviceKey() makes it.',
    )
  return { pair, shown: toBase64Url(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))) }
}

/** What both halves of two pairs come to. Rejects for what is no point of the curve. */
export const agree = async (own: CryptoKeyPair, theirs: Uint8Array): Promise<Uint8Array> => {
  const key = await crypto.subtle.importKey('raw', theirs as BufferSource, CURVE, false, [])
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: key }, own.privateKey, 256))
}
