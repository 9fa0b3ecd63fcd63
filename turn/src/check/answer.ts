import type { KeyObject } from 'node:crypto'
import type { Endpoint } from '../stun/endpoint.ts'
import {
  ATTRIBUTE,
  classOf,
  HEADER_BYTES,
  integrityOf,
  methodOf,
  padded,
  readXorAddress,
} from '../stun/stun.ts'

/** A message as read by the client. */
export type Answer = {
  method: number
  messageClass: number
  /** ERROR-CODE's number, 0 for success. */
  code: number
  /** Whether MESSAGE-INTEGRITY is there and right. */
  signed: boolean
  values: ReadonlyMap<number, Buffer>
  address(type: number): Endpoint | undefined
}

/** @param key of who asked: without it nothing counts as signed */
export const readAnswer = (packet: Buffer, key: KeyObject | undefined): Answer => {
  const values = new Map<number, Buffer>()
  const offsets = new Map<number, number>()
  let signed = false
  for (let at = HEADER_BYTES; at + 4 <= packet.length; ) {
    const type = packet.readUInt16BE(at)
    const length = packet.readUInt16BE(at + 2)
    const value = packet.subarray(at + 4, at + 4 + length)
    if (type === ATTRIBUTE.messageIntegrity && key) signed = integrityOf(packet, at, key).equals(value)
    values.set(type, value)
    offsets.set(type, at + 4)
    at += 4 + padded(length)
  }
  const error = values.get(ATTRIBUTE.errorCode)
  const type = packet.readUInt16BE(0)
  return {
    method: methodOf(type),
    messageClass: classOf(type),
    code: error ? (error[2] ?? 0) * 100 + (error[3] ?? 0) : 0,
    signed,
    values,
    address: wanted => {
      const offset = offsets.get(wanted)
      return offset === undefined
        ? undefined
        : readXorAddress(packet, offset, values.get(wanted)?.length ?? 0)
    },
  }
}
