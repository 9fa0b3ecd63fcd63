import { readdirSync } from 'node:fs'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { rounds } from '../../test/src/support/rounds.ts'
import type { TurnClient } from './check/client.ts'
import { Endpoint } from './stun/endpoint.ts'
import { ATTRIBUTE } from './stun/stun.ts'
import type { Transport } from './stun/transport.ts'
import { testTls } from './testing/certificate.ts'
import { framed, hostilePacket, type Random, randomBytes, randomFrom } from './testing/damaged-packets.ts'
import { brokenHandshake, inPieces, throwAtTcp, throwAtTls } from './testing/damaged-streams.ts'
import { collectGarbage } from './testing/garbage.ts'
import {
  allow,
  credential,
  type Peer,
  startClient,
  startPeer,
  startTurn,
  type TestTurn,
} from './testing/server.ts'

// At each transport: 20,000 with TRUNKLINE_ROUNDS=5. TRUNKLINE_SEED repeats a run.
const PACKETS = rounds(4_000)
const SEED = Number(process.env.TRUNKLINE_SEED ?? Date.now() % 2 ** 31)
const BATCH = 100
/** Packets thrown at one connection of a stream, which seldom survives the first. */
const THROWN = 5
const TRANSPORTS: readonly Transport[] = ['udp', 'tcp', 'tls']

/** Bytes of the heap and of what lies outside it, and descriptors open. */
const held = () => {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return { heapUsed, external, files: readdirSync('/proc/self/fd').length }
}

/** A client that behaves, with a relay of its own that may talk to the peer. */
const startServed = async (turn: TestTurn, peer: Peer, transport: Transport) => {
  const client = await startClient(turn, credential(`served-${transport}`), transport)
  const relayed = (await client.allocate()).address(ATTRIBUTE.xorRelayedAddress) as Endpoint
  expect((await client.permit(peer.endpoint)).code).toBe(0)
  /** Sends until it is there: the way from relay to peer is UDP, on which a busy machine loses some. */
  const deliver = async (send: () => void, arrives: () => Promise<void>): Promise<void> => {
    send()
    const again = setInterval(() => {
      served.repeated++
      send()
    }, 500)
    await arrives().finally(() => clearInterval(again))
  }
  const served = {
    transport,
    relayed,
    repeated: 0,
    /** Sends there and back, and refreshes; throws when any of it does not come. */
    check: async (mark: Buffer): Promise<void> => {
      await deliver(
        () => client.send(peer.endpoint, mark),
        async () => {
          while (!(await peer.next()).data.equals(mark)) {}
        },
      )
      await deliver(
        () => peer.send(mark, relayed),
        async () => {
          // What the peer sent otherwise reaches it as data too.
          while (!(await client.data()).data?.equals(mark)) {}
        },
      )
      expect((await client.refresh()).code).toBe(0)
      client.drain()
    },
  }
  return served
}

/** A client with a credential and bad intentions; on a stream it comes back when it was thrown out. */
const startRogue = async (turn: TestTurn, transport: Transport) => {
  let client: TurnClient | undefined
  let isOut = true
  return {
    connections: 0,
    async get(): Promise<TurnClient> {
      if (client && !isOut) return client
      const next = await startClient(turn, credential('rogue'), transport)
      this.connections++
      expect((await next.allocate()).code).toBe(0)
      isOut = false
      void next.closed.then(() => {
        isOut = true
      })
      client = next
      return next
    },
  }
}

type Attack = {
  turn: TestTurn
  peer: Peer
  rogue: Awaited<ReturnType<typeof startRogue>>
  random: Random
  transport: Transport
}

/** What a client can send, one batch of it. */
const attackAsClient = async ({ turn, peer, rogue, random, transport }: Attack): Promise<void> => {
  const client = await rogue.get()
  const packet = () => hostilePacket(client, peer.endpoint, random)
  if (transport === 'udp') {
    for (let sent = 0; sent < BATCH; sent++) {
      client.raw(packet())
      if (sent % 20 === 0) await turnOfTheLoop()
    }
    return
  }
  // Most on the connection that has an allocation and can be read on, the rest on strangers' connections.
  const server = new Endpoint('127.0.0.1', transport === 'tls' ? (turn.tlsPorts[0] ?? 0) : turn.port)
  const thrown = BATCH / 4
  const readable = Array.from({ length: BATCH - thrown }, () => framed(packet()))
  if (random(5) === 0) readable.push(packet())
  const strangers = Array.from({ length: thrown / THROWN }, async (_, index) => {
    const bytes = Buffer.concat(Array.from({ length: THROWN }, packet))
    // Each draws its own numbers: which of them is served first is not the seed's to say.
    const own = randomFrom(random(2 ** 31))
    if (transport === 'tcp') await throwAtTcp(server, bytes, own)
    else if (index % 2 === 0) await throwAtTls(server, bytes, own)
    else await throwAtTcp(server, await brokenHandshake(bytes, own), own)
  })
  const own = randomFrom(random(2 ** 31))
  await Promise.all([inPieces(Buffer.concat(readable), own, piece => client.raw(piece)), ...strangers])
}

describe.each(TRANSPORTS)('fuzz over %s', transport => {
  it(`lives through ${PACKETS} damaged packets (TRUNKLINE_SEED=${SEED})`, {
    timeout: 1_800_000,
  }, async () => {
    console.log(`TURN fuzz: ${PACKETS} packets over ${transport}, TRUNKLINE_SEED=${SEED}`)
    const random = randomFrom(SEED)
    const peer = await startPeer()
    const turn = await startTurn({
      tls: await testTls(),
      allowedPeers: allow(peer),
      limits: { failures: 1_000_000_000, handshakesPerAddress: 1_000_000_000 },
    })
    const served = await Promise.all(TRANSPORTS.map(each => startServed(turn, peer, each)))
    const attacked = served[TRANSPORTS.indexOf(transport)]?.relayed as Endpoint
    const rogue = await startRogue(turn, transport)
    const attack: Attack = { turn, peer, rogue, random, transport }
    const checkServed = async (): Promise<void> => {
      for (const { check, transport: by } of served) {
        await check(randomBytes(random, 16)).catch(cause => {
          throw new Error(`Not served over ${by}: ${JSON.stringify(turn.stats())}`, { cause })
        })
      }
    }

    /** One batch from the client's side, and a third as much from the peer's. */
    const round = async (): Promise<number> => {
      await attackAsClient(attack)
      const client = await rogue.get()
      const fromPeer = Math.floor(BATCH / 3)
      for (let sent = 0; sent < fromPeer; sent++) {
        peer.send(hostilePacket(client, peer.endpoint, random), attacked)
        if (sent % 20 === 0) await turnOfTheLoop()
      }
      await checkServed()
      client.drain()
      return BATCH + fromPeer
    }

    // Everything has happened once before memory is looked at.
    for (let warmUp = 0; warmUp < 5; warmUp++) await round()
    const before = held()
    const since = performance.now()
    let sent = 0
    while (sent < PACKETS) sent += await round()
    const seconds = (performance.now() - since) / 1000
    const repeated = served.map(client => client.repeated)

    await checkServed()
    const { refused, allocations } = turn.stats()
    expect(refused.internal).toBeUndefined()
    expect(Math.max(...repeated)).toBeLessThan(Math.max(5, PACKETS / 10_000))
    expect(refused.malformed).toBeGreaterThan(PACKETS / 20)
    expect(allocations).toBeGreaterThanOrEqual(served.length)
    expect(allocations).toBeLessThanOrEqual(served.length + 1)
    await vi.waitFor(() => expect(held().files).toBeLessThanOrEqual(before.files + 1), { timeout: 10_000 })
    const after = held()
    console.log(
      `TURN fuzz: ${JSON.stringify({ transport, sent, seconds: Math.round(seconds), connections: rogue.connections, repeated, before, after, ...turn.stats() })}`,
    )
    // The attackers live in this process too, and their TLS sockets leave about 1 kB each behind, the server's nothing:
    // with both in processes of their own its heap is the same after 1250 and after 3750 of them.
    const ofAttackers = transport === 'tls' ? 20 * sent : 0
    expect(after.heapUsed - before.heapUsed).toBeLessThan(4_000_000 + ofAttackers)
    expect(after.external - before.external).toBeLessThan(4_000_000)
  })
})
