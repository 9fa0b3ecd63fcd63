import { REQUESTED_UDP, type TurnClient } from '../check/client.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import {
  ATTRIBUTE,
  attribute,
  CHANNEL_MIN,
  CLASS,
  encodeMessage,
  HEADER_BYTES,
  MAGIC_COOKIE,
  METHOD,
  padded,
  xorAddressValue,
} from '../stun/stun.ts'

/** A whole number from 0 on, less than `below`. */
export type Random = (below: number) => number

/** mulberry32: small, even enough, and the same everywhere. */
export const randomFrom = (seed: number): Random => {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

export const randomBytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random(256)))

export const pick = <T>(random: Random, items: readonly T[]): T => items[random(items.length)] as T

/** One packet of every kind a client sends, signed where that is due. */
const soundPackets = (client: TurnClient, peer: Endpoint, random: Random): readonly Buffer[] => {
  const id = randomBytes(random, 12)
  const peerAddress = attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, id))
  const channel = attribute(ATTRIBUTE.channelNumber, Buffer.from([0x40, random(4), 0, 0]))
  const lifetime = attribute(ATTRIBUTE.lifetime, randomBytes(random, 4))
  const data = attribute(ATTRIBUTE.data, randomBytes(random, random(40)))
  const message = (method: number, messageClass: number, attributes: Buffer[], fingerprint = false) =>
    encodeMessage({ method, messageClass, transactionId: id, attributes, fingerprint })
  return [
    message(METHOD.binding, CLASS.request, [], true),
    message(METHOD.allocate, CLASS.request, [REQUESTED_UDP]),
    client.encode(METHOD.allocate, [REQUESTED_UDP, lifetime], id),
    client.encode(METHOD.refresh, [lifetime], id),
    client.encode(METHOD.createPermission, [peerAddress, peerAddress], id),
    client.encode(METHOD.channelBind, [channel, peerAddress], id),
    message(METHOD.send, CLASS.indication, [peerAddress, data]),
    message(METHOD.data, CLASS.indication, [peerAddress, data]),
    message(METHOD.refresh, CLASS.success, [lifetime]),
    Buffer.concat([Buffer.from([0x40, random(4), 0, 9]), randomBytes(random, 9)]),
  ]
}

/** Any known attributes in any number and order, properly signed: what an attacker with a credential can say. */
const signedSoup = (client: TurnClient, peer: Endpoint, random: Random): Buffer => {
  const id = randomBytes(random, 12)
  const sound = [
    attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, id)),
    REQUESTED_UDP,
    attribute(ATTRIBUTE.channelNumber, Buffer.from([0x40 + random(2) * random(0xc0), random(256), 0, 0])),
    attribute(ATTRIBUTE.lifetime, Buffer.from([0, 0, random(20), random(2)])),
  ]
  const attributes = Array.from({ length: random(6) }, () =>
    random(3) > 0
      ? pick(random, sound)
      : attribute(pick(random, Object.values(ATTRIBUTE)), randomBytes(random, random(24))),
  )
  return client.encode(pick(random, Object.values(METHOD)), attributes, id)
}

/** Four times this still fits a datagram. */
const MOST_GROWTH = 15_000

/** Flips, cuts, grows, repeats and rewrites lengths and types; now and then only noise. */
export const mutate = (packet: Buffer, random: Random): Buffer => {
  let out: Buffer = Buffer.from(packet)
  for (let steps = random(4); steps >= 0 && out.length > 0; steps--) {
    const at = random(out.length)
    const kind = random(8)
    if (kind === 0) out[at] = random(256)
    else if (kind === 1) out = out.subarray(0, at)
    else if (kind === 2)
      out = Buffer.concat([
        out,
        random(50) === 0 ? Buffer.alloc(random(MOST_GROWTH)) : randomBytes(random, random(64)),
      ])
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at), out.subarray(random(at + 1))])
    else if (kind === 4 && out.length > 4) out.writeUInt16BE(random(65_536), 2)
    else if (kind === 5 && out.length > 24)
      out.writeUInt16BE(random(64), 20 + 4 * random((out.length - 20) >> 2))
    else if (kind === 6) out = randomBytes(random, random(200))
    else if (kind === 7 && out.length > HEADER_BYTES) out = framed(out)
  }
  return out
}

/**
 * The same with a true length, and a cookie or padding: on a stream what follows can then be read, and everywhere
 * the rest of the damage reaches deeper.
 */
export const framed = (packet: Buffer): Buffer => {
  if (packet.length < 4) return Buffer.alloc(0)
  const type = packet.readUInt16BE(0)
  if (type >= CHANNEL_MIN) {
    const out = Buffer.alloc(padded(packet.length))
    packet.copy(out)
    out.writeUInt16BE(0x4000 | (type & 0xfff), 0)
    out.writeUInt16BE(packet.length - 4, 2)
    return out
  }
  const out = Buffer.alloc(Math.max(HEADER_BYTES, packet.length - (packet.length % 4)))
  packet.copy(out)
  out.writeUInt16BE(out.length - HEADER_BYTES, 2)
  out.writeUInt32BE(MAGIC_COOKIE, 4)
  return out
}

/** What a hostile client that holds a credential sends next: most of it broken, some of it only senseless. */
export const hostilePacket = (client: TurnClient, peer: Endpoint, random: Random): Buffer =>
  random(3) === 0
    ? signedSoup(client, peer, random)
    : mutate(pick(random, soundPackets(client, peer, random)), random)
