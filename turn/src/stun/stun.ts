import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { addressBytes, Endpoint, FAMILY } from './endpoint.ts'

/** Numbers of RFC 8489 (STUN) and RFC 8656 (TURN). */
export const MAGIC_COOKIE = 0x2112a442
export const HEADER_BYTES = 20
/** A request or an answer no client of ours comes near: what is larger is dropped unread. */
export const MAX_CONTROL_BYTES = 1500

export const METHOD = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006,
  data: 0x007,
  createPermission: 0x008,
  channelBind: 0x009,
} as const

export const CLASS = { request: 0, indication: 1, success: 2, error: 3 } as const

export const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  channelNumber: 0x000c,
  lifetime: 0x000d,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  evenPort: 0x0018,
  requestedTransport: 0x0019,
  dontFragment: 0x001a,
  xorMappedAddress: 0x0020,
  reservationToken: 0x0022,
  additionalAddressFamily: 0x8000,
  addressErrorCode: 0x8001,
  software: 0x8022,
  fingerprint: 0x8028,
} as const

export const UDP_TRANSPORT = 17
export const CHANNEL_MIN = 0x4000
/** RFC 8656 ends the range at 0x4FFF; clients of RFC 5766 may use everything up to here. */
export const CHANNEL_MAX = 0x7ffe

/** Method and class interleaved as in RFC 8489 section 5. */
export const messageType = (method: number, messageClass: number): number =>
  ((method & 0xf80) << 2) |
  ((method & 0x070) << 1) |
  (method & 0x00f) |
  ((messageClass & 2) << 7) |
  ((messageClass & 1) << 4)

export const methodOf = (type: number): number =>
  ((type & 0x3e00) >> 2) | ((type & 0x00e0) >> 1) | (type & 0x000f)

export const classOf = (type: number): number => ((type & 0x0100) >> 7) | ((type & 0x0010) >> 4)

/** Bytes up to the next multiple of four. */
export const padded = (length: number): number => (length + 3) & ~3

/**
 * @param offset where the attribute's value starts
 * @returns undefined unless the length fits the family
 */
export const readXorAddress = (packet: Buffer, offset: number, length: number): Endpoint | undefined => {
  if (length !== 8 && length !== 20) return undefined
  const family = packet[offset + 1]
  const port = packet.readUInt16BE(offset + 2) ^ (MAGIC_COOKIE >>> 16)
  if (family === FAMILY.ipv4 && length === 8) {
    const a = (packet[offset + 4] ?? 0) ^ 0x21
    const b = (packet[offset + 5] ?? 0) ^ 0x12
    const c = (packet[offset + 6] ?? 0) ^ 0xa4
    const d = (packet[offset + 7] ?? 0) ^ 0x42
    return new Endpoint(`${a}.${b}.${c}.${d}`, port)
  }
  if (family === FAMILY.ipv6 && length === 20) {
    const groups: string[] = []
    for (let at = 0; at < 16; at += 2) {
      groups.push((packet.readUInt16BE(offset + 4 + at) ^ packet.readUInt16BE(4 + at)).toString(16))
    }
    return new Endpoint(groups.join(':'), port)
  }
  return undefined
}

/**
 * Writes an XOR address value; the packet's cookie and transaction id must be in place.
 * @returns its length in bytes
 */
export const writeXorAddress = (packet: Buffer, offset: number, bytes: Buffer, port: number): number => {
  packet[offset] = 0
  packet[offset + 1] = bytes.length === 4 ? FAMILY.ipv4 : FAMILY.ipv6
  packet.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), offset + 2)
  for (let at = 0; at < bytes.length; at++) {
    packet[offset + 4 + at] = (bytes[at] ?? 0) ^ (packet[4 + at] ?? 0)
  }
  return 4 + bytes.length
}

/** @param endpoint its address in canonical spelling */
export const xorAddressValue = (
  endpoint: Pick<Endpoint, 'address' | 'port'>,
  transactionId: Buffer,
): Buffer => {
  const bytes = addressBytes(endpoint.address)
  const packet = Buffer.alloc(HEADER_BYTES + 4 + bytes.length)
  packet.writeUInt32BE(MAGIC_COOKIE, 4)
  transactionId.copy(packet, 8)
  writeXorAddress(packet, HEADER_BYTES, bytes, endpoint.port)
  return packet.subarray(HEADER_BYTES)
}

/** FINGERPRINT of everything before `end`; the header's length must already count the attribute. */
export const fingerprintOf = (packet: Buffer, end: number): number =>
  (crc32(packet.subarray(0, end)) ^ 0x5354554e) >>> 0

/**
 * The long-term credential key of RFC 8489 section 9.2.2. As a KeyObject, because making one of a Buffer for each HMAC
 * is four fifths of that HMAC's time.
 */
export const integrityKey = (username: string, realm: string, password: string): KeyObject =>
  createSecretKey(hash('md5', `${username}:${realm}:${password}`, 'buffer'))

/** MESSAGE-INTEGRITY (HMAC-SHA1) of a packet whose attribute starts at `offset`. */
export const integrityOf = (packet: Buffer, offset: number, key: KeyObject): Buffer => {
  const header = Buffer.from(packet.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(offset + 24 - HEADER_BYTES, 2)
  return createHmac('sha1', key).update(header).update(packet.subarray(HEADER_BYTES, offset)).digest()
}

/** One attribute as sent: type, length, value, padding. */
export const attribute = (type: number, value: Buffer): Buffer => {
  const bytes = Buffer.alloc(4 + padded(value.length))
  bytes.writeUInt16BE(type, 0)
  bytes.writeUInt16BE(value.length, 2)
  value.copy(bytes, 4)
  return bytes
}

/** The value of a 32-bit attribute. */
export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const INTEGRITY_BYTES = 24
const FINGERPRINT_BYTES = 8

/** A whole message; with `key` it ends in MESSAGE-INTEGRITY, with `fingerprint` in FINGERPRINT. */
export const encodeMessage = (message: {
  method: number
  messageClass: number
  transactionId: Buffer
  attributes: readonly Buffer[]
  key?: KeyObject | undefined
  fingerprint?: boolean
}): Buffer => {
  const { attributes, key, fingerprint } = message
  const integrityAt = attributes.reduce((sum, { length }) => sum + length, HEADER_BYTES)
  const fingerprintAt = integrityAt + (key ? INTEGRITY_BYTES : 0)
  const packet = Buffer.allocUnsafe(fingerprintAt + (fingerprint ? FINGERPRINT_BYTES : 0))
  packet.writeUInt16BE(messageType(message.method, message.messageClass), 0)
  packet.writeUInt32BE(MAGIC_COOKIE, 4)
  message.transactionId.copy(packet, 8)
  let at = HEADER_BYTES
  for (const bytes of attributes) at += bytes.copy(packet, at)
  if (key) {
    // Each of the two is computed over a length that counts itself, but nothing after it.
    packet.writeUInt16BE(fingerprintAt - HEADER_BYTES, 2)
    packet.writeUInt16BE(ATTRIBUTE.messageIntegrity, integrityAt)
    packet.writeUInt16BE(INTEGRITY_BYTES - 4, integrityAt + 2)
    createHmac('sha1', key)
      .update(packet.subarray(0, integrityAt))
      .digest()
      .copy(packet, integrityAt + 4)
  }
  packet.writeUInt16BE(packet.length - HEADER_BYTES, 2)
  if (fingerprint) {
    packet.writeUInt16BE(ATTRIBUTE.fingerprint, fingerprintAt)
    packet.writeUInt16BE(FINGERPRINT_BYTES - 4, fingerprintAt + 2)
    packet.writeUInt32BE(fingerprintOf(packet, fingerprintAt), fingerprintAt + 4)
  }
  return packet
}
