import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import type { Answer } from '../check/answer.ts'
import type { TurnClient } from '../check/client.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { Endpoint } from '../stun/endpoint.ts'
import {
  ATTRIBUTE,
  attribute,
  CLASS,
  encodeMessage,
  HEADER_BYTES,
  integrityKey,
  integrityOf,
  METHOD,
  readXorAddress,
  uint32,
  xorAddressValue,
} from '../stun/stun.ts'
import { allocated, firstNonce, hello } from '../testing/allocated.ts'
import { fakeClock, pass } from '../testing/clock.ts'
import { allow, credential, REALM, startClient, startPeer, startTurn } from '../testing/server.ts'

// What RFC 8656 and RFC 8489 say of requests, as seen from the wire.

const udp = attribute(ATTRIBUTE.requestedTransport, Buffer.from([17, 0, 0, 0]))
const family = (number: number) => attribute(ATTRIBUTE.requestedAddressFamily, Buffer.from([number, 0, 0, 0]))
const second = (number: number) =>
  attribute(ATTRIBUTE.additionalAddressFamily, Buffer.from([number, 0, 0, 0]))
const evenPort = (reserve: boolean) => attribute(ATTRIBUTE.evenPort, Buffer.from([reserve ? 0x80 : 0]))
const reserved = (token: Buffer | undefined) =>
  attribute(ATTRIBUTE.reservationToken, token ?? Buffer.alloc(8))
const channelNumber = (number: number) => attribute(ATTRIBUTE.channelNumber, uint32(number * 0x10000))
const peerAddress = (peer: Endpoint, id: Buffer) =>
  attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, id))

const relayedPort = (answer: Answer): number => answer.address(ATTRIBUTE.xorRelayedAddress)?.port ?? 0

/** Sends one signed request twice. @returns both answers */
const twice = async (client: TurnClient, packet: Buffer): Promise<[Answer, Answer]> => [
  await client.exchange(packet),
  await client.exchange(packet),
]

describe('attributes', () => {
  it('names all it does not know, and ignores those that need not be known', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const unknown = [attribute(0x7f01, Buffer.alloc(4)), attribute(0x7f02, Buffer.alloc(0))]
    const types = Buffer.from('7f017f02', 'hex')
    const transactionId = randomBytes(12)
    const request = { messageClass: CLASS.request, transactionId, attributes: unknown }
    const binding = await client.exchange(encodeMessage({ method: METHOD.binding, ...request }))
    expect(binding.code).toBe(420)
    expect(binding.values.get(ATTRIBUTE.unknownAttributes)).toEqual(types)
    // A stranger is not told what an authenticated request would be.
    expect((await client.exchange(encodeMessage({ method: METHOD.allocate, ...request }))).code).toBe(401)
    const refused = await client.allocate(unknown)
    expect(refused).toMatchObject({ code: 420, signed: true })
    expect(refused.values.get(ATTRIBUTE.unknownAttributes)).toEqual(types)
    expect((await client.allocate([attribute(0xff05, Buffer.from('optional'))])).code).toBe(0)
  })

  it('says of DONT-FRAGMENT that it is unknown', async () => {
    const client = await startClient(await startTurn())
    const refused = await client.allocate([attribute(ATTRIBUTE.dontFragment, Buffer.alloc(0))])
    expect(refused.code).toBe(420)
    expect(refused.values.get(ATTRIBUTE.unknownAttributes)).toEqual(Buffer.from('001a', 'hex'))
  })

  it.each([
    ['no REQUESTED-TRANSPORT', [], 400],
    ['a REQUESTED-TRANSPORT cut short', [attribute(ATTRIBUTE.requestedTransport, Buffer.from([17]))], 400],
    ['TCP to peers', [attribute(ATTRIBUTE.requestedTransport, Buffer.from([6, 0, 0, 0]))], 442],
    ['a family cut short', [udp, attribute(ATTRIBUTE.requestedAddressFamily, Buffer.from([1]))], 400],
    ['an unknown family', [udp, family(3)], 440],
    ['a family we have no address of', [udp, family(2)], 440],
    ['IPv4', [udp, family(1)], 0],
    ['two families in two ways', [udp, family(1), second(2)], 400],
    ['IPv4 as a second family', [udp, second(1)], 400],
    ['a pair of ports in two families', [udp, second(2), evenPort(true)], 400],
    ['a token and EVEN-PORT', [udp, reserved(undefined), evenPort(false)], 400],
    ['a token and a family', [udp, reserved(undefined), family(1)], 400],
    ['a token and a second family', [udp, reserved(undefined), second(2)], 400],
    ['a token cut short', [udp, attribute(ATTRIBUTE.reservationToken, Buffer.alloc(7))], 400],
    ['a token nobody gave', [udp, reserved(undefined)], 508],
    ['an EVEN-PORT of four bytes', [udp, attribute(ATTRIBUTE.evenPort, Buffer.alloc(4))], 400],
    [
      'the first of two transports',
      [udp, attribute(ATTRIBUTE.requestedTransport, Buffer.from([6, 0, 0, 0]))],
      0,
    ],
  ] as const)('answers Allocate with %s', async (_what, attributes, code) => {
    const turn = await startTurn()
    const client = await startClient(turn)
    expect(await client.request(METHOD.allocate, attributes)).toMatchObject({ code, signed: true })
    expect(turn.stats().allocations).toBe(code === 0 ? 1 : 0)
  })

  it('says why there is no second family', async () => {
    const client = await startClient(await startTurn())
    const answer = await client.allocate([second(2)])
    expect(answer.code).toBe(0)
    expect(answer.address(ATTRIBUTE.xorRelayedAddress)?.address).toBe('127.0.0.1')
    const error = answer.values.get(ATTRIBUTE.addressErrorCode)
    expect(error?.subarray(0, 4)).toEqual(Buffer.from([2, 0, 4, 40]))
  })

  it('answers incomplete and senseless requests about an allocation, and changes nothing', async () => {
    const { client, peer, turn } = await allocated()
    const id = randomBytes(12)
    const sixth = new Endpoint('::1', 9)
    const cases: [string, number, Buffer[], number][] = [
      ['no peer to permit', METHOD.createPermission, [], 400],
      ['an IPv6 peer', METHOD.createPermission, [peerAddress(sixth, id)], 443],
      [
        'a peer of no family',
        METHOD.createPermission,
        [attribute(ATTRIBUTE.xorPeerAddress, Buffer.from([0, 3, 0, 0, 0, 0, 0, 0]))],
        400,
      ],
      ['a channel without number', METHOD.channelBind, [peerAddress(peer.endpoint, id)], 400],
      ['a channel without peer', METHOD.channelBind, [channelNumber(0x4000)], 400],
      ['number 0', METHOD.channelBind, [channelNumber(0), peerAddress(peer.endpoint, id)], 400],
      ['number 3fff', METHOD.channelBind, [channelNumber(0x3fff), peerAddress(peer.endpoint, id)], 400],
      ['number 7fff', METHOD.channelBind, [channelNumber(0x7fff), peerAddress(peer.endpoint, id)], 400],
      ['a channel to IPv6', METHOD.channelBind, [channelNumber(0x4000), peerAddress(sixth, id)], 443],
      ['a refresh of IPv6', METHOD.refresh, [family(2)], 443],
      ['a lifetime cut short', METHOD.refresh, [attribute(ATTRIBUTE.lifetime, Buffer.alloc(2))], 400],
    ]
    for (const [what, method, attributes, code] of cases) {
      const answer = await client.exchange(client.encode(method, attributes, id))
      expect(answer, what).toMatchObject({ code, signed: true })
    }
    client.send(peer.endpoint, hello)
    await vi.waitFor(() => expect(turn.stats().refused.noPermission).toBe(1))
    expect((await client.request(METHOD.refresh, [family(1)])).code).toBe(0)
    expect(turn.stats().allocations).toBe(1)
  })

  it('asks for a name, a realm and a nonce beside MESSAGE-INTEGRITY, and gives none', async () => {
    const { client } = await allocated()
    const { username } = credential()
    const all = [
      attribute(ATTRIBUTE.username, Buffer.from(username)),
      attribute(ATTRIBUTE.realm, Buffer.from(REALM)),
      attribute(ATTRIBUTE.nonce, Buffer.from(client.nonce)),
    ]
    for (const missing of [0, 1, 2]) {
      const attributes = [udp, ...all.filter((_attribute, index) => index !== missing)]
      const answer = await client.exchange(
        encodeMessage({
          method: METHOD.allocate,
          messageClass: CLASS.request,
          transactionId: randomBytes(12),
          attributes,
          key: client.key,
        }),
      )
      expect(answer.code).toBe(400)
      expect([...answer.values.keys()]).toEqual([ATTRIBUTE.errorCode])
    }
  })
})

describe('answers', () => {
  it('say who we are without a version, to those with a credential only', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const software = (answer: Answer) => answer.values.get(ATTRIBUTE.software)?.toString()
    const transactionId = randomBytes(12)
    const request = { method: METHOD.allocate, messageClass: CLASS.request, transactionId }
    expect(software(await client.exchange(encodeMessage({ ...request, attributes: [udp] })))).toBeUndefined()
    expect(software(await client.allocate())).toBe('Trunkline')
    expect(software(await client.refresh())).toBe('Trunkline')
  })

  it('are signed, and end in FINGERPRINT when the request did', async () => {
    const { client, turn } = await allocated()
    const attributes = [
      attribute(ATTRIBUTE.username, Buffer.from(credential().username)),
      attribute(ATTRIBUTE.realm, Buffer.from(REALM)),
      attribute(ATTRIBUTE.nonce, Buffer.from(client.nonce)),
    ]
    for (const [method, messageKey, code] of [
      [METHOD.refresh, client.key, 0],
      [METHOD.channelBind, client.key, 400],
      [METHOD.allocate, client.key, 437],
      [METHOD.allocate, undefined, 401],
      [METHOD.binding, undefined, 0],
    ] as const) {
      const packet = encodeMessage({
        method,
        messageClass: CLASS.request,
        transactionId: randomBytes(12),
        attributes: messageKey ? attributes : [],
        key: messageKey,
        fingerprint: true,
      })
      const answer = await client.exchange(packet)
      expect(answer).toMatchObject({ code, signed: messageKey !== undefined })
      expect([...answer.values.keys()].at(-1)).toBe(ATTRIBUTE.fingerprint)
    }
    expect((await client.binding()).values.has(ATTRIBUTE.fingerprint)).toBe(false)
    expect(turn.stats().allocations).toBe(1)
  })
})

describe('allocations', () => {
  it('are told apart by transport: equal addresses and ports over UDP and TCP are two clients', async () => {
    const { client, turn, relayed } = await allocated()
    const socket = connect({
      host: '127.0.0.1',
      port: turn.port,
      localAddress: '127.0.0.1',
      localPort: client.local.port,
    })
    await once(socket, 'connect')
    // The nonce is bound to address and port, which are the same.
    socket.write(client.encode(METHOD.allocate, [udp]))
    const [packet] = (await once(socket, 'data')) as [Buffer]
    const type = packet.readUInt16BE(HEADER_BYTES)
    expect([packet.readUInt16BE(0), type]).toEqual([0x0103, ATTRIBUTE.xorRelayedAddress])
    expect(readXorAddress(packet, HEADER_BYTES + 4, 8)).not.toEqual(relayed)
    expect(turn.stats().allocations).toBe(2)
    socket.destroy()
    await vi.waitFor(() => expect(turn.stats().allocations).toBe(1))
    expect((await client.refresh()).code).toBe(0)
  })

  it('end with their connection', async () => {
    const turn = await startTurn()
    const clients = await Promise.all([1, 2, 3].map(() => startClient(turn, credential(), 'tcp')))
    for (const client of clients) expect((await client.allocate()).code).toBe(0)
    clients[1]?.close()
    await vi.waitFor(() => expect(turn.stats().allocations).toBe(2))
    expect((await clients[0]?.refresh())?.code).toBe(0)
    expect((await clients[2]?.refresh())?.code).toBe(0)
  })

  it('take nonces given to another port, over TCP too, for stale', async () => {
    const turn = await startTurn()
    const [one, other] = [
      await startClient(turn, credential(), 'tcp'),
      await startClient(turn, credential(), 'tcp'),
    ]
    expect((await one.allocate()).code).toBe(0)
    const stale = await other.exchange(one.encode(METHOD.allocate, [udp]))
    expect(stale.code).toBe(438)
    expect(stale.values.get(ATTRIBUTE.realm)?.toString()).toBe(REALM)
    // RFC 8489's mark, with no security features.
    expect(stale.values.get(ATTRIBUTE.nonce)?.toString()).toMatch(/^obMatJos2AAAA/)
    expect((await other.allocate()).code).toBe(0)
  })

  it('are missed by every request that needs one', async () => {
    const { client, peer } = await allocated()
    await client.refresh(0)
    for (const answer of [
      await client.refresh(),
      await client.permit(peer.endpoint),
      await client.bindChannel(0x4000, peer.endpoint),
    ]) {
      expect(answer).toMatchObject({ code: 437, signed: true })
    }
  })

  it('belong to the username they were made with', async () => {
    const { client, peer, turn } = await allocated()
    const other = credential('ada', 500)
    const id = randomBytes(12)
    const signed = (method: number, attributes: Buffer[]) =>
      encodeMessage({
        method,
        messageClass: CLASS.request,
        transactionId: id,
        attributes: [
          ...attributes,
          attribute(ATTRIBUTE.username, Buffer.from(other.username)),
          attribute(ATTRIBUTE.realm, Buffer.from(REALM)),
          attribute(ATTRIBUTE.nonce, Buffer.from(client.nonce)),
        ],
        key: otherKey,
      })
    const otherClient = await startClient(turn, other)
    await otherClient.allocate()
    const otherKey = otherClient.key
    const address = peerAddress(peer.endpoint, id)
    for (const [method, attributes] of [
      [METHOD.refresh, [attribute(ATTRIBUTE.lifetime, uint32(0))]],
      [METHOD.createPermission, [address]],
      [METHOD.channelBind, [channelNumber(0x4000), address]],
    ] as const) {
      expect((await client.exchange(signed(method, [...attributes]))).code).toBe(441)
    }
    expect(turn.stats().allocations).toBe(2)
  })
})

describe('repeated requests', () => {
  it('have one answer while a relay is being opened, and another Allocate has 437', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    await client.allocate()
    await client.refresh(0)
    client.drain()
    const packet = client.encode(METHOD.allocate, [udp])
    const answers = [client.exchange(packet), client.exchange(client.encode(METHOD.allocate, [udp]))]
    for (let copy = 0; copy < 3; copy++) client.raw(packet)
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual([0, 437])
    expect((await client.refresh()).code).toBe(0)
    expect(turn.stats()).toMatchObject({ allocations: 1, allocationsMade: 2 })
  })

  it('are no others: over TCP, where nothing is repeated, a second Allocate right behind the first has its 437', async () => {
    const client = await startClient(await startTurn(), credential(), 'tcp')
    await client.allocate()
    await client.refresh(0)
    const answers = [1, 2].map(() => client.exchange(client.encode(METHOD.allocate, [udp])))
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual([0, 437])
  })

  it('are answered alike for Allocate, with the token it had', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    await firstNonce(client)
    await client.allocate()
    await client.refresh(0)
    const [first, again] = await twice(client, client.encode(METHOD.allocate, [udp, evenPort(true)]))
    expect(first.code).toBe(0)
    expect([...again.values]).toEqual([...first.values])
    expect(first.values.get(ATTRIBUTE.reservationToken)).toHaveLength(8)
  })

  it('are answered alike for the Refresh that ends an allocation, and do not end the next one', async () => {
    fakeClock()
    const { client, turn } = await allocated()
    const last = client.encode(METHOD.refresh, [attribute(ATTRIBUTE.lifetime, uint32(0))])
    const [first, again] = await twice(client, last)
    expect(first).toMatchObject({ code: 0, signed: true })
    expect([...again.values]).toEqual([...first.values])
    expect((await client.refresh(0)).code).toBe(437)
    expect((await client.allocate()).code).toBe(0)
    expect((await client.exchange(last)).code).toBe(0)
    expect(turn.stats().allocations).toBe(1)
    // Later than anybody repeats it, it is a request like any other.
    pass(40)
    expect((await client.exchange(last)).code).toBe(0)
    expect(turn.stats().allocations).toBe(0)
  })

  it('are answered alike for CreatePermission and ChannelBind', async () => {
    const { client, peer, turn } = await allocated({ limits: { permissionsPerAllocation: 1 } })
    const id = randomBytes(12)
    const address = peerAddress(peer.endpoint, id)
    for (const packet of [
      client.encode(METHOD.createPermission, [address], id),
      client.encode(METHOD.channelBind, [channelNumber(0x4000), address], id),
    ]) {
      const [first, again] = await twice(client, packet)
      expect(first).toMatchObject({ code: 0, signed: true })
      expect([...again.values]).toEqual([...first.values])
    }
    expect(turn.stats().refused).toEqual({ challenged: 1 })
  })
})

describe('channels', () => {
  it('bind one number to one peer, and permit it', async () => {
    const peers = [await startPeer(), await startPeer()] as const
    const [one, other] = [peers[0].endpoint, peers[1].endpoint]
    const turn = await startTurn({ allowedPeers: allow(...peers), limits: { channelsPerAllocation: 1 } })
    const client = await startClient(turn)
    await client.allocate()
    expect((await client.bindChannel(0x4000, one)).code).toBe(0)
    expect((await client.bindChannel(0x4000, one)).code).toBe(0)
    // Bad requests even where there would be no room either.
    expect(await client.bindChannel(0x4000, other)).toMatchObject({ code: 400, signed: true })
    expect((await client.bindChannel(0x4001, one)).code).toBe(400)
    expect((await client.bindChannel(0x4001, other)).code).toBe(508)
    const got = peers[0].next()
    client.send(one, hello)
    expect((await got).data).toEqual(hello)
  })
})

describe('reserved ports', () => {
  it('are even without a reservation', async () => {
    const client = await startClient(await startTurn())
    for (let round = 0; round < 5; round++) {
      const answer = await client.allocate([evenPort(false)])
      expect(relayedPort(answer) % 2).toBe(0)
      expect(answer.values.has(ATTRIBUTE.reservationToken)).toBe(false)
      await client.refresh(0)
    }
  })

  it('are redeemed once, over any transport, by their user alone', async () => {
    const peer = await startPeer()
    const turn = await startTurn({ allowedPeers: allow(peer) })
    const client = await startClient(turn)
    const answer = await client.allocate([evenPort(true)])
    const token = answer.values.get(ATTRIBUTE.reservationToken)
    expect(token).toHaveLength(8)
    const port = relayedPort(answer)
    expect(port % 2).toBe(0)
    await expect(bindUdpSocket('127.0.0.1', port + 1)).rejects.toThrow('EADDRINUSE')

    expect((await (await startClient(turn, credential('bob'))).allocate([reserved(token)])).code).toBe(508)
    const redeemer = await startClient(turn, credential('ada', 900), 'tcp')
    expect(relayedPort(await redeemer.allocate([reserved(token)]))).toBe(port + 1)
    expect((await (await startClient(turn)).allocate([reserved(token)])).code).toBe(508)
    expect((await redeemer.permit(peer.endpoint)).code).toBe(0)
    const got = peer.next()
    redeemer.send(peer.endpoint, hello)
    expect((await got).from.port).toBe(port + 1)
    expect(turn.stats()).toMatchObject({ allocations: 2, users: 1 })
  })

  it('are free again after 30 s, and not before', async () => {
    fakeClock()
    const turn = await startTurn({ limits: { allocationsPerUser: 2 } })
    const client = await startClient(turn)
    const port = relayedPort(await client.allocate([evenPort(true)]))
    // A reservation counts as an allocation of its user.
    expect((await (await startClient(turn)).allocate()).code).toBe(486)
    await client.refresh(0)
    pass(29)
    await expect(bindUdpSocket('127.0.0.1', port + 1)).rejects.toThrow('EADDRINUSE')
    pass(1)
    const socket = await bindUdpSocket('127.0.0.1', port + 1)
    socket.close()
    for (const _each of [1, 2]) expect((await (await startClient(turn)).allocate()).code).toBe(0)
  })

  it('are refused when there is no room for both, and nothing is kept', async () => {
    const turn = await startTurn({ limits: { allocationsPerUser: 1 } })
    const client = await startClient(turn)
    expect(await client.allocate([evenPort(true)])).toMatchObject({ code: 486, signed: true })
    expect((await client.allocate([evenPort(false)])).code).toBe(0)

    const probe = await bindUdpSocket('127.0.0.1', 0)
    const { port } = probe.address()
    await new Promise<void>(resolve => probe.close(resolve))
    const even = port + (port % 2)
    const narrow = await startTurn({ relayPortMin: even, relayPortMax: even })
    const other = await startClient(narrow)
    expect((await other.allocate([evenPort(true)])).code).toBe(508)
    expect(narrow.stats()).toMatchObject({ allocations: 0, users: 0 })
    expect(relayedPort(await other.allocate([evenPort(false)]))).toBe(even)
  })

  it('go with their user, and with the server', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const port = relayedPort(await client.allocate([evenPort(true)]))
    expect(turn.revoke('ada', 0)).toBe(1)
    expect(turn.stats()).toMatchObject({ allocations: 0, users: 0 })
    const other = relayedPort(await client.allocate([evenPort(true)]))
    await turn.close()
    for (const freed of [port, port + 1, other, other + 1]) {
      const socket = await bindUdpSocket('127.0.0.1', freed)
      socket.close()
    }
  })
})

describe('integrity', () => {
  it('covers the answer as it is sent', () => {
    const key = integrityKey('ada', REALM, 'a password')
    const packet = encodeMessage({
      method: METHOD.refresh,
      messageClass: CLASS.success,
      transactionId: randomBytes(12),
      attributes: [attribute(ATTRIBUTE.lifetime, uint32(600))],
      key,
      fingerprint: true,
    })
    const at = HEADER_BYTES + 8
    expect(packet.readUInt16BE(at)).toBe(ATTRIBUTE.messageIntegrity)
    expect(packet.subarray(at + 4, at + 24)).toEqual(integrityOf(packet, at, key))
  })
})
