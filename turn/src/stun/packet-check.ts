import type { Endpoint } from './endpoint.ts'
import {
  ATTRIBUTE,
  CLASS,
  classOf,
  fingerprintOf,
  HEADER_BYTES,
  MAGIC_COOKIE,
  MAX_CONTROL_BYTES,
  METHOD,
  methodOf,
  padded,
  readXorAddress,
} from './stun.ts'

const MAX_ATTRIBUTES = 32
/** 508 bytes of USERNAME, 127 characters of REALM and of NONCE (RFC 8489 sections 14.3, 14.9 and 14.10). */
const MAX_USERNAME_BYTES = 508
const MAX_TEXT_BYTES = 763

export type AttributeValue = string | number | boolean | Endpoint
export type RequestAttribute = { type: number; value: AttributeValue }

export type Request = {
  method: number
  /** 12 bytes. */
  transactionId: Buffer
  /** Known attributes in order up to MESSAGE-INTEGRITY, which is left out as FINGERPRINT is. */
  attributes: RequestAttribute[]
  /** Comprehension-required attribute types we do not know: a 420. */
  unknown: number[]
  /** Whether the value of a known attribute makes no sense: a 400, once the user is known. */
  faulty: boolean
  /** Where MESSAGE-INTEGRITY starts, when there is one. */
  integrityOffset: number | undefined
  fingerprint: boolean
}

const REQUEST_METHODS: ReadonlySet<number> = new Set([
  METHOD.binding,
  METHOD.allocate,
  METHOD.refresh,
  METHOD.createPermission,
  METHOD.channelBind,
])

type Reader = (packet: Buffer, offset: number, length: number) => AttributeValue | undefined

const text =
  (maxBytes: number): Reader =>
  (packet, offset, length) =>
    length <= maxBytes ? packet.toString('utf8', offset, offset + length) : undefined
const uint =
  (length: number, read: (packet: Buffer, offset: number) => number): Reader =>
  (packet, offset, actual) =>
    actual === length ? read(packet, offset) : undefined
const uint16 = uint(4, (packet, offset) => packet.readUInt16BE(offset))
const firstByte = uint(4, (packet, offset) => packet.readUInt8(offset))

/**
 * How each attribute's value is read; undefined when it makes no sense.
 * DONT-FRAGMENT is absent on purpose: Node can't set the bit, and RFC 8656 section 7.2 wants 420 then.
 */
const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [ATTRIBUTE.username, text(MAX_USERNAME_BYTES)],
  [ATTRIBUTE.realm, text(MAX_TEXT_BYTES)],
  [ATTRIBUTE.nonce, text(MAX_TEXT_BYTES)],
  [ATTRIBUTE.channelNumber, uint16],
  [ATTRIBUTE.lifetime, uint(4, (packet, offset) => packet.readUInt32BE(offset))],
  [ATTRIBUTE.xorPeerAddress, readXorAddress],
  [ATTRIBUTE.requestedAddressFamily, firstByte],
  [ATTRIBUTE.additionalAddressFamily, firstByte],
  [ATTRIBUTE.requestedTransport, firstByte],
  [
    ATTRIBUTE.evenPort,
    (packet, offset, length) => (length === 1 ? (packet[offset] ?? 0) >= 0x80 : undefined),
  ],
  [
    ATTRIBUTE.reservationToken,
    (packet, offset, length) => (length === 8 ? packet.toString('hex', offset, offset + 8) : undefined),
  ],
])

/**
 * Reads a request, in time and memory bounded by its few attributes, so that node-turn's own parser (which
 * stalls on a large packet and throws on optional attributes) never sees a byte of the network.
 * @returns why it is to be dropped without an answer, when it is
 */
export const checkRequest = (packet: Buffer): Request | 'malformed' | 'notARequest' => {
  if (packet.length < HEADER_BYTES || packet.length > MAX_CONTROL_BYTES) return 'malformed'
  const type = packet.readUInt16BE(0)
  if ((type & 0xc000) !== 0 || packet.readUInt32BE(4) !== MAGIC_COOKIE) return 'malformed'
  if (classOf(type) !== CLASS.request || !REQUEST_METHODS.has(methodOf(type))) return 'notARequest'
  if (packet.readUInt16BE(2) !== packet.length - HEADER_BYTES || packet.length % 4 !== 0) return 'malformed'

  const request: Request = {
    method: methodOf(type),
    transactionId: packet.subarray(8, HEADER_BYTES),
    attributes: [],
    unknown: [],
    faulty: false,
    integrityOffset: undefined,
    fingerprint: false,
  }
  let count = 0
  for (let at = HEADER_BYTES; at < packet.length; ) {
    if (++count > MAX_ATTRIBUTES || request.fingerprint) return 'malformed'
    const attributeType = packet.readUInt16BE(at)
    const length = packet.readUInt16BE(at + 2)
    const value = at + 4
    if (value + padded(length) > packet.length) return 'malformed'
    if (attributeType === ATTRIBUTE.fingerprint) {
      if (length !== 4 || packet.readUInt32BE(value) !== fingerprintOf(packet, at)) return 'malformed'
      request.fingerprint = true
    } else if (request.integrityOffset !== undefined) {
      // Not covered by MESSAGE-INTEGRITY, so it is ignored whatever it is (RFC 8489 section 14.5).
    } else if (attributeType === ATTRIBUTE.messageIntegrity) {
      if (length !== 20) return 'malformed'
      request.integrityOffset = at
    } else {
      const read = READERS.get(attributeType)
      if (read) {
        const parsed = read(packet, value, length)
        if (parsed === undefined) request.faulty = true
        else request.attributes.push({ type: attributeType, value: parsed })
      } else if (attributeType < 0x8000) {
        request.unknown.push(attributeType)
      }
    }
    at = value + padded(length)
  }
  return request
}
