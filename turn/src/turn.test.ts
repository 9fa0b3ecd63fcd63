import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { SelfTestResult } from './check/self-test.ts'
import { bindUdpSocket } from './relay/udp-socket.ts'
import { Endpoint } from './stun/endpoint.ts'
import { ATTRIBUTE, attribute, METHOD } from './stun/stun.ts'
import { testCertificate, testTls, trust } from './testing/certificate.ts'
import { allow, credential, startClient, startPeer, startTurn } from './testing/server.ts'
import type { Turn } from './turn.ts'

describe('createTurn', () => {
  it('says in one sentence why it can not start', async () => {
    const { port } = await startTurn()
    await expect(startTurn({ port })).rejects.toThrow(
      `UDP port ${port} on 127.0.0.1 is already in use: stop the other program or choose another TURN_PORT`,
    )
    await expect(startTurn({ listenAddress: '198.51.100.1' })).rejects.toThrow(
      'not an address of this machine',
    )
    await expect(startTurn({ listenAddress: 'localhost' })).rejects.toThrow('give an IP address')
    // Either setting may be where the address is from.
    const named = /TURN_ADDRESSES .*ANNOUNCED_ADDRESS/
    await expect(startTurn({ listenAddress: '0.0.0.0' })).rejects.toThrow(named)
    for (const announcedAddresses of [
      ['turn.example.org'],
      ['0.0.0.0'],
      ['::1'],
      ['127.0.0.1', '127.0.0.2'],
    ]) {
      await expect(startTurn({ announcedAddresses })).rejects.toThrow(named)
    }
    await expect(startTurn({ announcedAddresses: ['turn.example'] })).rejects.toThrow('not an IP address')
    await expect(startTurn({ announcedAddresses: ['::1'] })).rejects.toThrow('other family')
    await expect(startTurn({ relayPortMin: 50_000, relayPortMax: 40_000 })).rejects.toThrow(
      'relay port range',
    )
    await expect(startTurn({ realm: 'a realm' })).rejects.toThrow('realm')
    await expect(startTurn({ secrets: [] })).rejects.toThrow('TURN_SECRET')
    await expect(startTurn({ limits: { allocations: 0 } })).rejects.toThrow('allocations')
  })

  it('closes everything, twice if asked', async () => {
    const turn = await startTurn()
    const client = await startClient(turn)
    const relayed = (await client.allocate()).address(ATTRIBUTE.xorRelayedAddress)
    await Promise.all([turn.close(), turn.close()])
    await turn.close()
    for (const port of [turn.port, relayed?.port ?? 0]) {
      const socket = await bindUdpSocket('127.0.0.1', port)
      socket.close()
    }
    expect(turn.stats().allocations).toBe(0)
    await expect(client.binding(300)).rejects.toThrow('No answer')
  })

  it('closes what is still being allocated', async () => {
    const turn = await startTurn()
    const clients = await Promise.all(Array.from({ length: 20 }, () => startClient(turn)))
    const transport = attribute(ATTRIBUTE.requestedTransport, Buffer.from([17, 0, 0, 0]))
    for (const client of clients) {
      await client.allocate()
      await client.refresh(0)
    }
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    for (const client of clients) client.raw(client.encode(METHOD.allocate, [transport]))
    await vi.waitFor(() => expect(turn.stats().users).toBe(1), { interval: 0 })
    await turn.close()
    await vi.waitFor(() => expect(open()).toBeLessThan(before))
    expect(turn.stats()).toMatchObject({ allocations: 0, users: 0 })
  })

  it('counts what it does', async () => {
    const peer = await startPeer()
    const turn = await startTurn({ allowedPeers: allow(peer) })
    const client = await startClient(turn)
    const relayed = (await client.allocate()).address(ATTRIBUTE.xorRelayedAddress) as Endpoint
    await client.permit(peer.endpoint)
    const got = peer.next()
    client.send(peer.endpoint, Buffer.alloc(100))
    await got
    peer.send(Buffer.alloc(50), relayed)
    await client.data()
    expect(turn.stats()).toEqual({
      allocations: 1,
      users: 1,
      allocationsMade: 1,
      packetsToPeers: 1,
      bytesToPeers: 100,
      packetsToClients: 1,
      bytesToClients: 50,
      refused: { challenged: 1 },
      allocationsByTransport: { udp: 1, tcp: 0, tls: 0 },
      draining: false,
      processes: 1,
      processesLost: 0,
    })
  })
})

/** What the self-test says of UDP, after a report that agrees with its parts. */
const overUdp = async (turn: Turn): Promise<SelfTestResult | undefined> => {
  const { ok, results } = await turn.selfTest()
  expect(ok).toBe(results.every(result => result.ok))
  return results.find(({ transport }) => transport === 'udp')
}

describe('selfTest', () => {
  it('passes over every transport, over IPv4 and IPv6, and leaves nothing behind', async () => {
    trust(await testCertificate())
    for (const listenAddress of ['127.0.0.1', '::1']) {
      const turn = await startTurn({ listenAddress, tls: await testTls() })
      const overTls = new Endpoint(listenAddress, turn.tlsPorts[0] ?? 0)
      expect(await turn.selfTest()).toEqual({
        ok: true,
        results: [
          { ok: true, transport: 'udp', address: turn.endpoint.toString() },
          { ok: true, transport: 'tcp', address: turn.endpoint.toString() },
          { ok: true, transport: 'tls', address: overTls.toString() },
        ],
      })
      expect(turn.stats()).toMatchObject({ allocations: 0, users: 0, allocationsMade: 3 })
    }
  })

  it('relays in both families where both are announced', async () => {
    const turn = await startTurn({ listenAddress: '::', announcedAddresses: ['127.0.0.1', '::1'] })
    const { ok, results } = await turn.selfTest()
    expect(results.map(({ transport, address }) => `${transport} ${address}`)).toEqual([
      `udp 127.0.0.1:${turn.port}`,
      `tcp 127.0.0.1:${turn.port}`,
      `udp ${new Endpoint('::1', turn.port)}`,
      `tcp ${new Endpoint('::1', turn.port)}`,
    ])
    expect([ok, results.filter(result => !result.ok)]).toEqual([true, []])
  })

  it('tells an announced address that does not lead here', async () => {
    const turn = await startTurn({ announcedAddresses: ['127.0.0.99'] })
    expect(await overUdp(turn)).toMatchObject({
      ok: false,
      cause: `The TURN server answers on 127.0.0.1:${turn.port} but not on the announced address 127.0.0.99:${turn.port}`,
      fix: expect.stringContaining('ANNOUNCED_ADDRESS'),
    })
  })

  // Another program may hold the port at the other address.
  it('tells another server with another secret at the announced address', { retry: 3 }, async () => {
    const other = await startTurn({ listenAddress: '127.0.0.98', secrets: ['another secret'] })
    const turn = await startTurn({ port: other.port, announcedAddresses: ['127.0.0.98'] })
    expect(await overUdp(turn)).toMatchObject({ ok: false, fix: expect.stringContaining('another secret') })
  })

  it('tells exhausted ports, lost packets and a closed server', async () => {
    const probe = await bindUdpSocket('127.0.0.1', 0)
    const { port } = probe.address()
    const full = await startTurn({ relayPortMin: port, relayPortMax: port })
    expect(await overUdp(full)).toMatchObject({
      ok: false,
      cause: 'The TURN server has no relay port left',
    })
    probe.close()

    const lossy = await startTurn({ limits: { bytesPerSecondPerUser: 1 } })
    expect(await overUdp(lossy)).toMatchObject({
      ok: false,
      cause: expect.stringContaining('nothing came back over its relay socket'),
    })

    const closed = await startTurn()
    await closed.close()
    expect(await overUdp(closed)).toMatchObject({
      ok: false,
      cause: `Nothing answers on 127.0.0.1:${closed.port} over UDP`,
    })
  })

  it('tells a stranger at the announced TCP port from nobody there', async () => {
    const web = createServer((_request, response) => response.end('not TURN')).listen(0, '127.0.0.97')
    onTestFinished(() => void web.close())
    await once(web, 'listening')
    const { port } = web.address() as AddressInfo
    const turn = await startTurn({ port, tls: await testTls(), announcedAddresses: ['127.0.0.97'] })
    const { results } = await turn.selfTest()
    expect(results).toMatchObject([
      { transport: 'udp', ok: false, cause: expect.stringContaining('but not on the announced address') },
      {
        transport: 'tcp',
        ok: false,
        cause: `What answers on 127.0.0.97:${port} over TCP is not a TURN server`,
        fix: expect.stringContaining(`Another program has TCP port ${port} there`),
      },
      {
        transport: 'tls',
        ok: false,
        cause: expect.stringMatching(/answers on 127\.0\.0\.1:\d+ but not on .* over TLS$/),
        fix: expect.stringContaining(`open TCP port ${turn.tlsPorts[0]}`),
      },
    ])
  })

  it('opens its own echo to nobody else', async () => {
    const turn = await startTurn()
    const client = await startClient(turn, credential('self-test'))
    await client.allocate()
    const testing = turn.selfTest()
    expect((await client.permit(new Endpoint('127.0.0.1', 9))).code).toBe(403)
    expect(await testing).toMatchObject({ ok: true })
  })
})
