import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE } from '../stun/stun.ts'
import type { Transport } from '../stun/transport.ts'
import { testTls } from '../testing/certificate.ts'
import { allow, credential, startClient, startPeer, startTurn } from '../testing/server.ts'

const CHANNEL = 0x4001

/** Payloads whose ChannelData needs every amount of padding, and two near the largest. */
const SIZES = [0, 1, 2, 3, 4, 5, 1000, 1499, 9000, 60_001]

const pairs = (['tcp', 'tls'] as const).flatMap(transport =>
  ['127.0.0.1', '::1'].map(address => [transport, address] as const),
)

const start = async (transport: Transport, listenAddress: string) => {
  const peer = await startPeer(listenAddress)
  const turn = await startTurn({ listenAddress, tls: await testTls(), allowedPeers: allow(peer) })
  const client = await startClient(turn, credential(), transport)
  return { peer, turn, client }
}

describe.each(pairs)('over %s at %s', (transport, address) => {
  it('allocates, refreshes and relays both ways', async () => {
    const { peer, turn, client } = await start(transport, address)
    expect((await client.binding()).address(ATTRIBUTE.xorMappedAddress)).toEqual(client.local)
    const allocated = await client.allocate()
    expect(allocated).toMatchObject({ code: 0, signed: true })
    const relayed = allocated.address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    expect((await client.refresh()).code).toBe(0)
    expect((await client.permit(peer.endpoint)).code).toBe(0)

    for (const size of SIZES) {
      const data = randomBytes(size)
      const got = peer.next()
      client.send(peer.endpoint, data)
      expect(await got).toEqual({ data, from: relayed })
      peer.send(data, relayed)
      expect(await client.data()).toEqual({ peer: peer.endpoint, data })
    }

    expect((await client.bindChannel(CHANNEL, peer.endpoint)).code).toBe(0)
    for (const size of SIZES) {
      const data = randomBytes(size)
      const got = peer.next()
      client.sendChannel(CHANNEL, data)
      expect(await got).toEqual({ data, from: relayed })
      peer.send(data, relayed)
      const back = await client.packet()
      expect(back.readUInt16BE(0)).toBe(CHANNEL)
      expect(back.subarray(4)).toEqual(data)
    }

    expect((await client.refresh(0)).code).toBe(0)
    expect(turn.stats().allocations).toBe(0)
    expect((await client.allocate()).code).toBe(0)
    expect(turn.stats().allocations).toBe(1)
  })
})
