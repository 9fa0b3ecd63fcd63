import { randomFillSync } from 'node:crypto'
import type { Endpoint } from './endpoint.ts'
import {
  ATTRIBUTE,
  CHANNEL_MAX,
  CHANNEL_MIN,
  CLASS,
  HEADER_BYTES,
  MAGIC_COOKIE,
  METHOD,
  messageType,
  padded,
  readXorAddress,
  writeXorAddress,
} from './stun.ts'

export const SEND_INDICATION = messageType(METHOD.send, CLASS.indication)
const DATA_INDICATION = messageType(METHOD.data, CLASS.indication)
const MAX_ATTRIBUTES = 8

/** Transaction ids of Data indications: nobody answers them, so one random block serves a thousand. */
const ID_BYTES = 12
const ids = Buffer.alloc(ID_BYTES * 1024)
let nextId = ids.length

const copyTransactionId = (target: Buffer): void => {
  if (nextId === ids.length) {
    randomFillSync(ids)
    nextId = 0
  }
  ids.copy(target, 8, nextId, nextId + ID_BYTES)
  nextId += ID_BYTES
}

/** @returns the peer and a view of the payload, or undefined for anything but a proper Send indication */
export const readSendIndication = (packet: Buffer): { peer: Endpoint; data: Buffer } | undefined => {
  if (packet.length < HEADER_BYTES || packet.readUInt32BE(4) !== MAGIC_COOKIE) return undefined
  if (packet.readUInt16BE(2) !== packet.length - HEADER_BYTES) return undefined
  let peer: Endpoint | undefined
  let data: Buffer | undefined
  let count = 0
  for (let at = HEADER_BYTES; at + 4 <= packet.length; ) {
    const type = packet.readUInt16BE(at)
    const length = packet.readUInt16BE(at + 2)
    const value = at + 4
    if (++count > MAX_ATTRIBUTES || value + padded(length) > packet.length) return undefined
    if (type === ATTRIBUTE.xorPeerAddress) peer ??= readXorAddress(packet, value, length)
    else if (type === ATTRIBUTE.data) data ??= packet.subarray(value, value + length)
    else if (type < 0x8000) return undefined
    at = value + padded(length)
  }
  return peer && data ? { peer, data } : undefined
}

/** A Data indication carrying what the peer at these address bytes sent. */
export const dataIndication = (addressBytes: Buffer, port: number, data: Buffer): Buffer => {
  const peerBytes = 4 + addressBytes.length
  const dataAt = HEADER_BYTES + 4 + peerBytes + 4
  const packet = Buffer.allocUnsafe(dataAt + padded(data.length))
  packet.writeUInt16BE(DATA_INDICATION, 0)
  packet.writeUInt16BE(packet.length - HEADER_BYTES, 2)
  packet.writeUInt32BE(MAGIC_COOKIE, 4)
  copyTransactionId(packet)
  packet.writeUInt16BE(ATTRIBUTE.xorPeerAddress, HEADER_BYTES)
  packet.writeUInt16BE(peerBytes, HEADER_BYTES + 2)
  writeXorAddress(packet, HEADER_BYTES + 4, addressBytes, port)
  packet.writeUInt16BE(ATTRIBUTE.data, dataAt - 4)
  packet.writeUInt16BE(data.length, dataAt - 2)
  data.copy(packet, dataAt)
  packet.fill(0, dataAt + data.length)
  return packet
}

/** @returns undefined when it is no ChannelData message; a UDP one may end in up to three bytes of padding */
export const readChannelData = (packet: Buffer): { channel: number; data: Buffer } | undefined => {
  if (packet.length < 4) return undefined
  const channel = packet.readUInt16BE(0)
  const length = packet.readUInt16BE(2)
  if (channel < CHANNEL_MIN || channel > CHANNEL_MAX) return undefined
  const extra = packet.length - 4 - length
  return extra < 0 || extra > 3 ? undefined : { channel, data: packet.subarray(4, 4 + length) }
}

/** ChannelData without padding: RFC 8656 section 12.5 asks for it on streams only. */
export const channelData = (channel: number, data: Buffer): Buffer => {
  const packet = Buffer.allocUnsafe(4 + data.length)
  packet.writeUInt16BE(channel, 0)
  packet.writeUInt16BE(data.length, 2)
  data.copy(packet, 4)
  return packet
}
