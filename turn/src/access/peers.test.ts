import { describe, expect, it, vi } from 'vitest'
import { readChannelData } from '../stun/data-message.ts'
import { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE, attribute } from '../stun/stun.ts'
import { allocated, hello } from '../testing/allocated.ts'
import { allow, credential, startClient, startPeer, startTurn } from '../testing/server.ts'

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
    const here = new Endpoint('::1', client.local.port)
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
    const turn = await startTurn({ listenAddress: '::', announcedAddresses: ['127.0.0.1'] })
    expect(turn.addresses).toHaveLength(4)
    const client = await startClient({ endpoint: new Endpoint('127.0.0.1', turn.port) })
    const mapped = (await client.binding()).address(ATTRIBUTE.xorMappedAddress)
    expect(mapped).toEqual(new Endpoint('127.0.0.1', client.local.port))
    const sixth = await startClient({ endpoint: new Endpoint('::1', turn.port) })
    expect((await sixth.allocate()).address(ATTRIBUTE.xorRelayedAddress)?.address).toBe('127.0.0.1')
    const family = attribute(ATTRIBUTE.requestedAddressFamily, Buffer.from([2, 0, 0, 0]))
    expect((await client.allocate([family])).code).toBe(440)
  })
})
