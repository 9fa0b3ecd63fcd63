import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { readChannelData } from '../stun/data-message.ts'
import { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE, attribute, CLASS, encodeMessage, integrityKey, METHOD } from '../stun/stun.ts'
import { allocated, firstNonce, hello, signedAllocate } from '../testing/allocated.ts'
import { allow, credential, REALM, startClient, startPeer, startTurn } from '../testing/server.ts'

// What clients rely on most. requests.test.ts has the RFCs' rules, bare-node-turn.test.ts what node-turn itself gets wrong.

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
})

describe('relaying', () => {
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
    expect((await client.bindChannel(0x4003, new Endpoint('127.0.0.1', 9))).code).toBe(403)
    expect(await client.bindChannel(0x4002, peer.endpoint)).toMatchObject({ code: 400, signed: true })
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

describe('draining', () => {
  it('takes nothing new, serves what lives, and is over with the last of it', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const token = (await client.allocate([attribute(ATTRIBUTE.evenPort, Buffer.from([0x80]))])).values.get(
      ATTRIBUTE.reservationToken,
    )
    let isDrained = false
    const draining = turn.drain(60_000).then(() => {
      isDrained = true
    })
    const late = await startClient(turn)
    expect(await late.allocate()).toMatchObject({ code: 508, signed: true })
    const redeemed = [attribute(ATTRIBUTE.reservationToken, token ?? Buffer.alloc(8))]
    expect((await late.allocate(redeemed)).code).toBe(508)
    expect((await client.refresh()).code).toBe(0)
    expect(isDrained).toBe(false)
    await client.refresh(0)
    await draining
  })

  it('waits no longer than it is told', async () => {
    const { turn, client } = await allocated()
    await turn.drain(1)
    expect((await client.refresh()).code).toBe(0)
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

  it('counts what one user begins in a time, given back or not', async () => {
    const turn = await startTurn({ limits: { newAllocationsPerUser: 3, newAllocationSeconds: 1 } })
    const codes: number[] = []
    for (let round = 0; round < 5; round++) {
      const client = await startClient(turn)
      codes.push((await client.allocate()).code)
      await client.refresh(0)
    }
    expect(codes).toEqual([0, 0, 0, 486, 486])
    expect((await (await startClient(turn, credential('bob'))).allocate()).code).toBe(0)
    const later = async (): Promise<number> => (await (await startClient(turn)).allocate()).code
    await expect.poll(later, { timeout: 5000 }).toBe(0)
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
