/** Key and salt of one sender's stream under one key id. */
export type FrameKey = { kid: bigint; key: CryptoKey; salt: Uint8Array }

/** AES_128_GCM_SHA256_128 of RFC 9605, section 4.5. */
const SUITE = 4
const KEY_BITS = 128
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The most bytes sealing adds: a header with an eight-byte key id and an eight-byte counter, and the tag. */
export const SEAL_BYTES = 17 + TAG_BYTES

const encoder = new TextEncoder()

export const concat = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** @param salt of the extraction; none in SFrame itself */
export const hkdf = async (
  secret: Uint8Array,
  info: Uint8Array,
  bits: number,
  salt = new Uint8Array(),
): Promise<Uint8Array<ArrayBuffer>> => {
  const key = await crypto.subtle.importKey('raw', secret as BufferSource, 'HKDF', false, ['deriveBits'])
  const of = { name: 'HKDF', hash: 'SHA-256', salt, info: info as BufferSource }
  return new Uint8Array(await crypto.subtle.deriveBits(of, key, bits))
}

/** RFC 9605, section 4.4.2. */
export const deriveFrameKey = async (baseKey: Uint8Array, kid: bigint): Promise<FrameKey> => {
  const label = (text: string) => {
    const of = new Uint8Array(10)
    const view = new DataView(of.buffer)
    view.setBigUint64(0, kid)
    view.setUint16(8, SUITE)
    return concat(encoder.encode(`SFrame 1.0 Secret ${text} `), of)
  }
  const [raw, salt] = await Promise.all([
    hkdf(baseKey, label('key'), KEY_BITS),
    hkdf(baseKey, label('salt'), NONCE_BYTES * 8),
  ])
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
  return { kid, key, salt }
}

/** Big-endian, in as few bytes as it takes. */
const bytesOf = (value: bigint): number[] => {
  const bytes: number[] = []
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn))
  return bytes
}

/** RFC 9605, section 4.3: a value below eight is in the first byte, of any other its length. */
export const encodeHeader = (kid: bigint, counter: number): Uint8Array<ArrayBuffer> => {
  const field = (value: bigint): [number, number[]] => {
    if (value < 8n) return [Number(value), []]
    const bytes = bytesOf(value)
    return [8 | (bytes.length - 1), bytes]
  }
  const [k, kidBytes] = field(kid)
  const [c, counterBytes] = field(BigInt(counter))
  return Uint8Array.of((k << 4) | c, ...kidBytes, ...counterBytes)
}

export type FrameHeader = { kid: bigint; counter: number; length: number }

/** Undefined when there is none, or its counter is larger than any we would write. */
export const decodeHeader = (sealed: Uint8Array): FrameHeader | undefined => {
  const [config] = sealed
  if (config === undefined) return undefined
  let at = 1
  const field = (bits: number): bigint | undefined => {
    if ((bits & 8) === 0) return BigInt(bits)
    const end = at + (bits & 7) + 1
    if (end > sealed.length) return undefined
    let value = 0n
    for (; at < end; at += 1) value = (value << 8n) | BigInt(sealed[at] ?? 0)
    return value
  }
  const kid = field(config >> 4)
  const counter = field(config & 15)
  if (kid === undefined || counter === undefined || counter > BigInt(Number.MAX_SAFE_INTEGER))
    return undefined
  return { kid, counter: Number(counter), length: at }
}

const nonceOf = (salt: Uint8Array, counter: number): Uint8Array<ArrayBuffer> => {
  const nonce = salt.slice() as Uint8Array<ArrayBuffer>
  const view = new DataView(nonce.buffer)
  view.setBigUint64(4, view.getBigUint64(4) ^ BigInt(counter))
  return nonce
}

/**
 * Header, ciphertext and tag (RFC 9605, section 4.4.3).
 * @param counter never twice with one key
 * @param metadata what travels beside it in the clear, and must arrive as it is
 */
export const sealFrame = async (
  { kid, key, salt }: FrameKey,
  counter: number,
  plain: Uint8Array,
  metadata: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> => {
  const header = encodeHeader(kid, counter)
  const of = { name: 'AES-GCM', iv: nonceOf(salt, counter), additionalData: concat(header, metadata) }
  return concat(header, new Uint8Array(await crypto.subtle.encrypt(of, key, plain as BufferSource)))
}

/** Undefined when any of it is not as it was sealed. */
export const openFrame = async (
  { key, salt }: FrameKey,
  { counter, length }: FrameHeader,
  sealed: Uint8Array,
  metadata: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  if (sealed.length < length + TAG_BYTES) return undefined
  const additionalData = concat(sealed.subarray(0, length), metadata)
  const of = { name: 'AES-GCM', iv: nonceOf(salt, counter), additionalData }
  try {
    const plain = await crypto.subtle.decrypt(of, key, sealed.subarray(length) as BufferSource)
    return new Uint8Array(plain)
  } catch {
    return undefined
  }
}
