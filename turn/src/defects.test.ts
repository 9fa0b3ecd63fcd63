import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import type { TurnClient } from './client.ts'
import { readChannelData } from './data-message.ts'
import { Endpoint } from './endpoint.ts'
import { ATTRIBUTE, attribute, CLASS, encodeMessage, integrityKey, METHOD, UDP_TRANSPORT } from './stun.ts'
import { allow, credential, REALM, startClient, startPeer, startTurn } from './test-server.ts'
import { bindUdpSocket } from './udp-socket.ts'

// Everything node-turn 0.0.6 gets wrong, as seen from the wire. control.ts says what closes each.

const transport = attribute(ATTRIBUTE.requestedTransport, Buffer.from([UDP_TRANSPORT, 0, 0, 0]))
const hello = Buffer.from('hello')

/** An Allocate signed with whatever is given. */
const signedAllocate = (username: string, password: string, nonce: string): Buffer =>
  encodeMessage({
    method: METHOD.allocate,
    messageClass: CLASS.request,
    transactionId: randomBytes(12),
    attributes: [
      transport,
      attribute(ATTRIBUTE.username, Buffer.from(username)),
      attribute(ATTRIBUTE.realm, Buffer.from(REALM)),
      attribute(ATTRIBUTE.nonce, Buffer.from(nonce)),
    ],
    key: integrityKey(username, REALM, password),
  })

/** The nonce a client is given with its first 401. */
const firstNonce = async (client: TurnClient): Promise<string> => {
  const answer = await client.exchange(
    encodeMessage({
      method: METHOD.allocate,
      messageClass: CLASS.request,
      transactionId: randomBytes(12),
      attributes: [transport],
    }),
  )
  expect(answer.code).toBe(401)
  return answer.values.get(ATTRIBUTE.nonce)?.toString() ?? ''
}

/** An allocation that may talk to a fresh peer. */
const allocated = async (options: Parameters<typeof startTurn>[0] = {}) => {
  const peer = await startPeer()
  const turn = await startTurn({ allowedPeers: allow(peer), ...options })
  const client = await startClient(turn)
  const answer = await client.allocate()
  expect(answer.code).toBe(0)
  const relayed = answer.address(ATTRIBUTE.xorRelayedAddress) as Endpoint
  return { peer, turn, client, answer, relayed }
}

describe('credentials', () => {
  it('does not find inherited names in the credentials', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const nonce = await firstNonce(client)
    const inherited = ['constructor', 'toString', 'hasOwnProperty', '__proto__', 'valueOf']
    for (const username of inherited) {
      const password = String(Reflect.get({}, username))
      const answer = await client.exchange(signedAllocate(username, password, nonce))
      expect(answer.code, username).toBe(401)
    }
    expect(turn.stats().allocations).toBe(0)
  })

  it('takes nonces for nothing but what it gave to this very address', async () => {
    const turn = await startTurn()
    const [mine, theirs] = [await startClient(turn), await startClient(turn)]
    const { username, password } = credential()
    const foreign = await firstNonce(theirs)
    for (const nonce of ['__proto__', 'constructor', foreign, 'x'.repeat(700)]) {
      const answer = await mine.exchange(signedAllocate(username, password, nonce))
      expect(answer.code, nonce).toBe(438)
    }
    const own = await firstNonce(mine)
    expect((await mine.exchange(signedAllocate(username, password, own))).code).toBe(0)
  })

  it('lets an expired credential keep its call but start no other', async () => {
    const turn = await startTurn()
    const short = credential('ada', 1)
    const client = await startClient(turn, short)
    expect((await client.allocate()).code).toBe(0)
    await wait(Number(short.username.split(':')[0]) * 1000 - Date.now() + 50)
    expect((await client.refresh()).code).toBe(0)
    const late = await startClient(turn, short)
    expect((await late.allocate()).code).toBe(401)
    expect((await (await startClient(turn, { username: 'ada', password: 'x' })).allocate()).code).toBe(401)
  })
})

describe('relaying', () => {
  it('survives tiny datagrams from a peer, and relays them', async () => {
    const { peer, client, relayed } = await allocated()
    expect((await client.permit(peer.endpoint)).code).toBe(0)
    for (const data of [Buffer.alloc(0), Buffer.from([0x40])]) {
      peer.send(data, relayed)
      expect((await client.data()).data).toEqual(data)
    }
  })

  it('relays Send and Data both ways', async () => {
    const { peer, client, relayed } = await allocated()
    expect((await client.permit(peer.endpoint)).signed).toBe(true)
    const got = peer.next()
    client.send(peer.endpoint, hello)
    expect(await got).toEqual({ data: hello, from: relayed })
    peer.send(Buffer.from('hi'), relayed)
    expect(await client.data()).toEqual({ peer: peer.endpoint, data: Buffer.from('hi') })
  })

  it('relays ChannelData both ways and signs the ChannelBind answer', async () => {
    const { peer, client, relayed } = await allocated()
    const bound = await client.bindChannel(0x4001, peer.endpoint)
    expect(bound).toMatchObject({ code: 0, signed: true })
    const got = peer.next()
    client.sendChannel(0x4001, hello)
    expect(await got).toEqual({ data: hello, from: relayed })
    // A payload that itself looks like ChannelData is still only a payload.
    const payload = Buffer.from([0x40, 0x01, 0, 1, 9])
    peer.send(payload, relayed)
    expect(readChannelData(await client.packet())).toEqual({ channel: 0x4001, data: payload })
    expect((await client.bindChannel(0x4001, new Endpoint('127.0.0.1', 9))).code).toBe(403)
    expect(await client.bindChannel(0x4002, peer.endpoint)).toMatchObject({ code: 400, signed: true })
  })
})

describe('lifetimes', () => {
  it('answers refresh with what it grants, and keeps the allocation', async () => {
    const { peer, client, turn, answer, relayed } = await allocated()
    const lifetime = (message: typeof answer) => message.values.get(ATTRIBUTE.lifetime)?.readUInt32BE()
    expect(lifetime(answer)).toBe(600)
    for (const [asked, granted] of [
      [undefined, 600],
      [10, 600],
      [1200, 1200],
      [100_000, 3600],
    ] as const) {
      expect(lifetime(await client.refresh(asked)), `asked ${asked}`).toBe(granted)
    }
    await client.permit(peer.endpoint)
    const got = peer.next()
    client.send(peer.endpoint, hello)
    expect((await got).from).toEqual(relayed)
    expect(lifetime(await client.refresh(0))).toBe(0)
    expect(turn.stats().allocations).toBe(0)
    expect(await client.refresh()).toMatchObject({ code: 437, signed: true })
  })

  it('grants a lifetime asked for with Allocate', async () => {
    const client = await startClient(await startTurn())
    const asked = Buffer.from([0, 0, 4, 0])
    const answer = await client.allocate([attribute(ATTRIBUTE.lifetime, asked)])
    expect(answer.values.get(ATTRIBUTE.lifetime)).toEqual(asked)
  })

  it('ends an allocation nobody refreshes, and only then', async () => {
    const { client, turn } = await allocated({ limits: { defaultLifetimeSeconds: 1 } })
    const start = Date.now()
    await wait(600)
    expect((await client.refresh()).code).toBe(0)
    await wait(700)
    expect(turn.stats().allocations).toBe(1)
    await vi.waitFor(() => expect(turn.stats().allocations).toBe(0), { timeout: 3000, interval: 20 })
    expect(Date.now() - start).toBeGreaterThan(1500)
  })

  it('does not let a freed 5-tuple end the next allocation on it', async () => {
    const { client, turn } = await allocated({ limits: { defaultLifetimeSeconds: 1 } })
    await wait(500)
    expect((await client.refresh(0)).code).toBe(0)
    expect((await client.allocate()).code).toBe(0)
    await wait(700)
    expect(turn.stats().allocations).toBe(1)
  })

  it('forgets permissions and channels in time', async () => {
    const { client, peer, turn } = await allocated({
      limits: { permissionSeconds: 0.2, channelSeconds: 0.2 },
    })
    await client.bindChannel(0x4001, peer.endpoint)
    await wait(250)
    client.sendChannel(0x4001, hello)
    client.send(peer.endpoint, hello)
    await vi.waitFor(() => expect(turn.stats().refused).toMatchObject({ noChannel: 1, noPermission: 1 }))
    expect((await client.bindChannel(0x4002, peer.endpoint)).code).toBe(0)
  })
})

describe('allocations', () => {
  it('closes sockets once they are freed', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    for (let round = 0; round < 20; round++) {
      const answer = await client.allocate()
      expect(answer.code).toBe(0)
      expect((await client.refresh(0)).code).toBe(0)
      const relayed = answer.address(ATTRIBUTE.xorRelayedAddress)
      const again = await bindUdpSocket('127.0.0.1', relayed?.port ?? 0)
      again.close()
    }
    await vi.waitFor(() => expect(open()).toBeLessThanOrEqual(before))
  })

  it('refuses a second Allocate on one 5-tuple, and answers a repeated one alike', async () => {
    const { client, turn, relayed } = await allocated()
    expect(await client.allocate()).toMatchObject({ code: 437, signed: true })
    const other = await startClient(turn)
    const nonce = await firstNonce(other)
    const { username, password } = credential()
    const packet = signedAllocate(username, password, nonce)
    for (let copy = 0; copy < 5; copy++) other.raw(packet)
    const first = (await other.exchange(packet)).address(ATTRIBUTE.xorRelayedAddress)
    const again = (await other.exchange(packet)).address(ATTRIBUTE.xorRelayedAddress)
    expect(again).toEqual(first)
    expect(again).not.toEqual(relayed)
    // The timer node-turn sets on a repeated Allocate fires at once.
    await wait(20)
    expect((await other.exchange(packet)).address(ATTRIBUTE.xorRelayedAddress)).toEqual(first)
    // Copies that came while the first was being answered made none of their own.
    expect(turn.stats()).toMatchObject({ allocations: 2, allocationsMade: 2 })
  })

  it("refuses another user on somebody's 5-tuple", async () => {
    const { client, turn } = await allocated()
    const other = credential('bob')
    const answer = await client.exchange(signedAllocate(other.username, other.password, client.nonce))
    expect(answer.code).toBe(437)
    const refresh = encodeMessage({
      method: METHOD.refresh,
      messageClass: CLASS.request,
      transactionId: randomBytes(12),
      attributes: [
        attribute(ATTRIBUTE.username, Buffer.from(other.username)),
        attribute(ATTRIBUTE.realm, Buffer.from(REALM)),
        attribute(ATTRIBUTE.nonce, Buffer.from(client.nonce)),
      ],
      key: integrityKey(other.username, REALM, other.password),
    })
    expect((await client.exchange(refresh)).code).toBe(441)
    expect(turn.stats().allocations).toBe(1)
  })
})

describe('floods', () => {
  it('keeps no memory of a flood of unauthenticated requests', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const turn = await startTurn()
    const client = await startClient(turn)
    const rounds = 30
    const flood = async (): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        await Promise.all(Array.from({ length: 100 }, () => firstNonce(client)))
      }
    }
    await flood()
    gc()
    const before = process.memoryUsage().heapUsed
    await flood()
    gc()
    // 3,000 requests; bare node-turn holds 1.4 kB for each.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(1_000_000)
  })

  it('does not stall over a 64 kB packet of attributes', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const attributes = Array.from({ length: 16_000 }, () => attribute(ATTRIBUTE.evenPort, Buffer.alloc(0)))
    const packet = encodeMessage({
      method: METHOD.allocate,
      messageClass: CLASS.request,
      transactionId: randomBytes(12),
      attributes,
    })
    for (let copy = 0; copy < 10; copy++) client.raw(packet)
    const start = performance.now()
    expect((await client.binding()).code).toBe(0)
    expect(performance.now() - start).toBeLessThan(250)
    expect(turn.stats().refused.malformed).toBe(10)
  })
})

describe('peers', () => {
  it.each(['sfu', 'public'] as const)('relays to nobody private unless listed, mode %s', async peers => {
    const { client, peer, turn, relayed } = await allocated({ peers })
    const forbidden = [
      '10.1.2.3',
      '169.254.169.254',
      '172.16.0.1',
      '192.168.1.1',
      '100.100.100.200',
      '168.63.129.16',
      '224.0.0.1',
      '255.255.255.255',
      '0.0.0.0',
      '127.0.0.2',
    ]
    for (const address of forbidden) {
      const target = new Endpoint(address, 80)
      expect(await client.permit(target), address).toMatchObject({ code: 403, signed: true })
      expect((await client.bindChannel(0x4001, target)).code, address).toBe(403)
    }
    // One forbidden address spoils the request: nothing of it is stored.
    expect((await client.permit(peer.endpoint, new Endpoint('10.1.2.3', 1))).code).toBe(403)
    client.send(peer.endpoint, hello)
    await vi.waitFor(() => expect(turn.stats().refused.noPermission).toBe(1))
    expect((await client.permit(new Endpoint('::1', 1))).code).toBe(443)

    // The listed port is reachable, and no other port of the same address in either direction.
    expect((await client.permit(peer.endpoint)).code).toBe(0)
    const stranger = await startPeer()
    expect((await client.bindChannel(0x4001, stranger.endpoint)).code).toBe(403)
    expect((await client.bindChannel(0x4001, turn.endpoint)).code).toBe(403)
    const before = turn.stats().refused.forbidden ?? 0
    client.send(stranger.endpoint, hello)
    client.send(turn.endpoint, hello)
    client.send(new Endpoint('127.0.0.1', 0), hello)
    stranger.send(hello, relayed)
    await vi.waitFor(() => expect(turn.stats().refused.forbidden).toBe(before + 4))
    expect(turn.stats()).toMatchObject({ packetsToPeers: 0, packetsToClients: 0 })
  })

  it('follows the list as it changes', async () => {
    const peer = await startPeer()
    const listed: { address: string; port: { min: number; max: number } }[] = []
    const turn = await startTurn({ allowedPeers: () => listed })
    const client = await startClient(turn)
    await client.allocate()
    expect((await client.permit(peer.endpoint)).code).toBe(403)
    listed.push({ address: '127.0.0.1', port: { min: peer.endpoint.port, max: peer.endpoint.port } })
    await vi.waitFor(async () => expect((await client.permit(peer.endpoint)).code).toBe(0), { timeout: 3000 })
    listed.length = 0
    await vi.waitFor(
      () => {
        client.send(peer.endpoint, hello)
        expect(turn.stats().refused.forbidden).toBeGreaterThan(5)
      },
      { timeout: 3000 },
    )
  })

  it('relays between two of its own allocations in mode public only', async () => {
    const turn = await startTurn({ peers: 'public' })
    const [ada, bob] = [await startClient(turn), await startClient(turn, credential('bob'))]
    const at = (await ada.allocate()).address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    const bt = (await bob.allocate()).address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    expect((await ada.bindChannel(0x4000, bt)).code).toBe(0)
    expect((await bob.permit(at)).code).toBe(0)
    ada.sendChannel(0x4000, hello)
    expect(await bob.data()).toEqual({ peer: at, data: hello })

    const guarded = await startTurn()
    const client = await startClient(guarded)
    const own = (await client.allocate()).address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    expect((await client.permit(own)).code).toBe(403)
  })
})

describe('IPv6', () => {
  it('tells, relays and spells IPv6 addresses', async () => {
    const peer = await startPeer('::1')
    const turn = await startTurn({ listenAddress: '::1', allowedPeers: allow(peer) })
    const client = await startClient(turn)
    const here = new Endpoint('::1', client.socket.address().port)
    expect((await client.binding()).address(ATTRIBUTE.xorMappedAddress)).toEqual(here)
    const answer = await client.allocate([
      attribute(ATTRIBUTE.requestedAddressFamily, Buffer.from([2, 0, 0, 0])),
    ])
    const relayed = answer.address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    expect(relayed.address).toBe('0:0:0:0:0:0:0:1')
    expect((await client.permit(new Endpoint('fe80::1', 9))).code).toBe(403)
    expect((await client.permit(new Endpoint('::ffff:127.0.0.1', 9))).code).toBe(403)
    expect((await client.permit(peer.endpoint)).code).toBe(0)
    const got = peer.next()
    client.send(peer.endpoint, hello)
    expect(await got).toEqual({ data: hello, from: relayed })
    peer.send(hello, relayed)
    expect(await client.data()).toEqual({ peer: peer.endpoint, data: hello })
    expect((await client.bindChannel(0x4000, peer.endpoint)).code).toBe(0)
    peer.send(hello, relayed)
    expect(readChannelData(await client.packet())).toEqual({ channel: 0x4000, data: hello })
  })

  it('sees IPv4 clients as IPv4 when listening on both', async () => {
    const turn = await startTurn({ listenAddress: '::', announcedAddress: '127.0.0.1' })
    expect(turn.addresses).toHaveLength(2)
    const client = await startClient({ endpoint: new Endpoint('127.0.0.1', turn.port) })
    const mapped = (await client.binding()).address(ATTRIBUTE.xorMappedAddress)
    expect(mapped).toEqual(new Endpoint('127.0.0.1', client.socket.address().port))
    const sixth = await startClient({ endpoint: new Endpoint('::1', turn.port) })
    expect((await sixth.allocate()).address(ATTRIBUTE.xorRelayedAddress)?.address).toBe('127.0.0.1')
    const family = attribute(ATTRIBUTE.requestedAddressFamily, Buffer.from([2, 0, 0, 0]))
    expect((await client.allocate([family])).code).toBe(440)
  })
})

describe('quota', () => {
  it('counts allocations per user, whatever credentials it holds', async () => {
    const turn = await startTurn({ limits: { allocationsPerUser: 2 } })
    const clients = await Promise.all(
      [60, 70, 80].map(seconds => startClient(turn, credential('ada', seconds))),
    )
    const codes = []
    for (const client of clients) codes.push((await client.allocate()).code)
    expect(codes).toEqual([0, 0, 486])
    expect((await (await startClient(turn, credential('bob'))).allocate()).code).toBe(0)
    await clients[0]?.refresh(0)
    expect((await clients[2]?.allocate())?.code).toBe(0)
    expect(turn.stats()).toMatchObject({ allocations: 3, users: 2 })
  })

  it('counts allocations in all, and ports of the range', async () => {
    const turn = await startTurn({ limits: { allocations: 1 } })
    expect((await (await startClient(turn)).allocate()).code).toBe(0)
    expect((await (await startClient(turn, credential('bob'))).allocate()).code).toBe(508)

    const probe = await bindUdpSocket('127.0.0.1', 0)
    const { port } = probe.address()
    const narrow = await startTurn({ relayPortMin: port, relayPortMax: port })
    const client = await startClient(narrow)
    expect((await client.allocate()).code).toBe(508)
    await new Promise<void>(resolve => probe.close(resolve))
    expect((await client.allocate()).address(ATTRIBUTE.xorRelayedAddress)?.port).toBe(port)
  })

  it('caps the bandwidth of a user over all its allocations', async () => {
    const { client, peer, turn } = await allocated({ limits: { bytesPerSecondPerUser: 10_000 } })
    await client.permit(peer.endpoint)
    for (let sent = 0; sent < 30; sent++) client.send(peer.endpoint, Buffer.alloc(1000))
    await vi.waitFor(() => expect(turn.stats().refused.bandwidth).toBeGreaterThan(15))
    expect(turn.stats().bytesToPeers).toBeLessThanOrEqual(12_000)
    expect(turn.stats().bytesToPeers).toBeGreaterThanOrEqual(10_000)
  })

  it('bounds permissions and channels of an allocation', async () => {
    const peers = await Promise.all([startPeer(), startPeer()])
    const turn = await startTurn({
      allowedPeers: [...allow(...peers), { address: '127.0.0.9', port: 9 }],
      limits: { permissionsPerAllocation: 1, channelsPerAllocation: 1 },
    })
    const client = await startClient(turn)
    await client.allocate()
    expect((await client.bindChannel(0x4000, peers[0].endpoint)).code).toBe(0)
    expect((await client.bindChannel(0x4000, peers[0].endpoint)).code).toBe(0)
    expect((await client.bindChannel(0x4001, peers[1].endpoint)).code).toBe(508)
    expect((await client.permit(new Endpoint('127.0.0.9', 9))).code).toBe(508)
    expect((await client.permit(peers[1].endpoint)).code).toBe(0)
  })
})
