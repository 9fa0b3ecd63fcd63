import { readdirSync } from 'node:fs'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { TurnClient } from './check/client.ts'
import type { Endpoint } from './stun/endpoint.ts'
import { ATTRIBUTE, attribute, CLASS, encodeMessage, METHOD, xorAddressValue } from './stun/stun.ts'
import { allow, credential, startClient, startPeer, startTurn } from './testing/server.ts'

// TRUNKLINE_ROUNDS multiplies the rounds; TRUNKLINE_SEED repeats a run.
const ROUNDS = Math.ceil(20_000 * Number(process.env.TRUNKLINE_ROUNDS ?? 1))
const SEED = Number(process.env.TRUNKLINE_SEED ?? Date.now() % 2 ** 31)
const BATCH = 100

/** mulberry32: small, even enough, and the same everywhere. */
const randomFrom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

type Random = ReturnType<typeof randomFrom>

const randomBytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random(256)))

/** One packet of every kind a client sends, signed where that is due. */
const corpus = (client: TurnClient, peer: Endpoint, random: Random): Buffer[] => {
  const id = randomBytes(random, 12)
  const peerAddress = attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, id))
  const transport = attribute(ATTRIBUTE.requestedTransport, Buffer.from([17, 0, 0, 0]))
  const channel = attribute(ATTRIBUTE.channelNumber, Buffer.from([0x40, random(4), 0, 0]))
  const lifetime = attribute(ATTRIBUTE.lifetime, randomBytes(random, 4))
  const data = attribute(ATTRIBUTE.data, randomBytes(random, random(40)))
  const message = (method: number, messageClass: number, attributes: Buffer[], fingerprint = false) =>
    encodeMessage({ method, messageClass, transactionId: id, attributes, fingerprint })
  return [
    message(METHOD.binding, CLASS.request, [], true),
    message(METHOD.allocate, CLASS.request, [transport]),
    client.encode(METHOD.allocate, [transport, lifetime], id),
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
    attribute(ATTRIBUTE.requestedTransport, Buffer.from([17, 0, 0, 0])),
    attribute(ATTRIBUTE.channelNumber, Buffer.from([0x40 + random(2) * random(0xc0), random(256), 0, 0])),
    attribute(ATTRIBUTE.lifetime, Buffer.from([0, 0, random(20), random(2)])),
  ]
  const types = Object.values(ATTRIBUTE)
  const attributes = Array.from({ length: random(6) }, () =>
    random(3) > 0
      ? (sound[random(sound.length)] ?? Buffer.alloc(0))
      : attribute(types[random(types.length)] ?? 0, randomBytes(random, random(24))),
  )
  const methods = Object.values(METHOD)
  return client.encode(methods[random(methods.length)] ?? 1, attributes, id)
}

/** Flips, cuts, grows, repeats and rewrites lengths and types; now and then only noise. */
const mutate = (packet: Buffer, random: Random): Buffer => {
  let out: Buffer = Buffer.from(packet)
  for (let steps = random(4); steps >= 0 && out.length > 0; steps--) {
    const at = random(out.length)
    const kind = random(8)
    if (kind === 0) out[at] = random(256)
    else if (kind === 1) out = out.subarray(0, at)
    else if (kind === 2) out = Buffer.concat([out, randomBytes(random, random(64))])
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at), out.subarray(random(at + 1))])
    else if (kind === 4 && out.length > 4) out.writeUInt16BE(random(65_536), 2)
    else if (kind === 5 && out.length > 24)
      out.writeUInt16BE(random(64), 20 + 4 * random((out.length - 20) >> 2))
    else if (kind === 6) out = randomBytes(random, random(200))
    else if (kind === 7 && out.length > 20) {
      // A true length and cookie let the rest of the damage reach deeper.
      out = out.subarray(0, out.length - (out.length % 4))
      out.writeUInt16BE(out.length - 20, 2)
      out.writeUInt32BE(0x2112a442, 4)
    }
  }
  return out
}

describe('fuzz', () => {
  it(`lives through ${ROUNDS} damaged packets (TRUNKLINE_SEED=${SEED})`, { timeout: 600_000 }, async () => {
    console.log(`TURN fuzz: ${ROUNDS} packets, TRUNKLINE_SEED=${SEED}`)
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const random = randomFrom(SEED)
    const peer = await startPeer()
    const turn = await startTurn({ allowedPeers: allow(peer), limits: { failures: 1_000_000_000 } })

    const valid = await startClient(turn, credential('valid'))
    const relayed = (await valid.allocate()).address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    expect((await valid.permit(peer.endpoint)).code).toBe(0)
    const rogue = await startClient(turn, credential('rogue'))
    expect((await rogue.allocate()).code).toBe(0)

    const round = async (): Promise<void> => {
      const kinds = corpus(rogue, peer.endpoint, random)
      for (let sent = 0; sent < BATCH; sent++) {
        const soup = random(3) === 0
        const packet = soup
          ? signedSoup(rogue, peer.endpoint, random)
          : mutate(kinds[random(kinds.length)] ?? Buffer.alloc(0), random)
        if (random(4) === 0) peer.send(packet, relayed)
        else rogue.raw(packet)
        if (sent % 20 === 0) await turnOfTheLoop()
      }
      // The valid client is served throughout; what the peer sent reaches it as data, which it drops.
      const mark = randomBytes(random, 16)
      valid.send(peer.endpoint, mark)
      while (!(await peer.next()).data.equals(mark)) {}
      expect((await valid.refresh()).code).toBe(0)
      valid.drain()
      rogue.drain()
    }

    await round()
    gc()
    const before = { heap: process.memoryUsage().heapUsed, files: readdirSync('/proc/self/fd').length }
    for (let done = BATCH; done < ROUNDS; done += BATCH) await round()
    gc()
    const { refused, allocations } = turn.stats()
    console.log(`TURN fuzz: ${JSON.stringify(turn.stats())}`)
    expect(refused.internal).toBeUndefined()
    expect(refused.malformed).toBeGreaterThan(ROUNDS / 10)
    expect(allocations).toBeGreaterThanOrEqual(1)
    expect(allocations).toBeLessThanOrEqual(2)
    expect(process.memoryUsage().heapUsed - before.heap).toBeLessThan(4_000_000)
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before.files + 1)
  })
})
