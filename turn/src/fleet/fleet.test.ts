import { readdirSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { hello } from '../testing/allocated.ts'
import { testTls } from '../testing/certificate.ts'
import {
  type Allocated,
  expectFree,
  fleetProcesses,
  SETTLE,
  spread,
  startFleet,
  untilStats,
} from '../testing/fleet.ts'
import { allow, credential, startClient, startPeer, startTurn } from '../testing/server.ts'

// Each test starts real processes, which takes seconds on a machine that is busy otherwise.
vi.setConfig({ testTimeout: 60_000 })

describe('starting', () => {
  it('is createTurn for one process', async () => {
    const turn = await startFleet({ processes: 1 })
    expect(fleetProcesses()).toEqual([])
    expect((await (await startClient(turn)).allocate()).code).toBe(0)
    expect(turn.stats().allocations).toBe(1)
  })

  it('refuses what makes no sense and what can not be bound, and leaves nothing behind', async () => {
    await expect(startFleet({ processes: 0 })).rejects.toThrow('processes')
    await expect(startFleet({ processes: 1.5 })).rejects.toThrow('processes')
    await expect(startFleet({ processes: 65 })).rejects.toThrow('1 to 64')
    await expect(startFleet({ realm: 'a realm' })).rejects.toThrow(TypeError)
    await expect(startFleet({ relayPortMin: 50_000, relayPortMax: 40_000 })).rejects.toThrow('range')
    await expect(startFleet({ processes: 3, relayPortMin: 50_000, relayPortMax: 50_001 })).rejects.toThrow(
      'fewer',
    )
    const { port } = await startTurn()
    await expect(startFleet({ port })).rejects.toThrow(`UDP port ${port} on 127.0.0.1 is already in use`)
    // Nor does a second fleet quietly take part in the first one's clients.
    const fleet = await startFleet()
    await expect(startFleet({ port: fleet.port })).rejects.toThrow('already in use')
    await fleet.close()
    await vi.waitFor(() => expect(fleetProcesses()).toEqual([]), SETTLE)
  })
})

describe('serving', () => {
  it('shares clients out among the processes, over UDP and TCP, and says what they all did', async () => {
    const peer = await startPeer()
    const turn = await startFleet({ allowedPeers: allow(peer) })
    const all = await spread(turn, 'ada', 4)
    for (const { client, relayed } of all) {
      await client.permit(peer.endpoint)
      const got = peer.next()
      client.send(peer.endpoint, hello)
      expect((await got).from).toEqual(relayed)
      peer.send(hello, relayed)
      expect((await client.data()).data).toEqual(hello)
    }
    const stream = await startClient(turn, credential('bob'), 'tcp')
    expect((await stream.allocate()).code).toBe(0)
    const bytes = hello.length * all.length
    await untilStats(turn, {
      allocations: all.length + 1,
      users: 2,
      allocationsByTransport: { udp: all.length, tcp: 1, tls: 0 },
      allocationsMade: all.length + 1,
      bytesToPeers: bytes,
      bytesToClients: bytes,
      processes: 2,
      processesLost: 0,
      draining: false,
    })
    expect(turn.stats().refused.challenged).toBe(all.length + 1)
    expect((await turn.selfTest()).results.map(({ ok }) => ok)).toEqual([true, true])
    await turn.close()
    const ended = turn.lines.filter(({ message }) => message === 'relay ended')
    expect(new Set(ended.map(line => line.process)).size).toBe(2)
    expect(ended.filter(({ user }) => user === 'ada')).toHaveLength(all.length)
    // A self-test says what came of it by itself: its relays are not in the log that operators read.
    const levels = ended.map(({ user, level }) => [/^(ada|bob)$/.test(String(user)), level])
    expect(new Set(levels.map(String))).toEqual(new Set(['true,info', 'false,debug']))
    expect(turn.stats()).toMatchObject({ allocations: 0, users: 0, processes: 0 })
  })

  it('has relay ports from one range, and lets relays of two processes talk to each other in mode public', async () => {
    const turn = await startFleet({ peers: 'public', relayPortMin: 41_000, relayPortMax: 41_063 })
    const all = await spread(turn, 'ada', 6)
    const [first, ...rest] = all as [Allocated, ...Allocated[]]
    const other = rest.find(({ owner }) => owner !== first.owner) as Allocated
    for (const { relayed, owner } of all) {
      const low = all.filter(each => each.owner === owner).every(each => each.relayed.port < 41_032)
      expect(relayed.port >= 41_000 && relayed.port <= 41_063 && relayed.port < 41_032 === low).toBe(true)
    }
    await vi.waitFor(async () => {
      expect((await first.client.bindChannel(0x4000, other.relayed)).code).toBe(0)
      expect((await other.client.bindChannel(0x4000, first.relayed)).code).toBe(0)
    }, SETTLE)
    first.client.sendChannel(0x4000, hello)
    expect((await other.client.packet()).subarray(4, 9)).toEqual(hello)
    // Once the other relay is gone its port is nobody's.
    await other.client.refresh(0)
    await vi.waitFor(
      async () => expect((await first.client.bindChannel(0x4000, other.relayed)).code).toBe(403),
      SETTLE,
    )
  })

  it('serves TLS on one port in every process', async () => {
    const turn = await startFleet({ tls: await testTls() })
    expect(turn.urls).toContainEqual(expect.stringContaining(`:${turn.tlsPorts[0]}?transport=tcp`))
    for (let i = 0; i < 20; i++) {
      expect((await (await startClient(turn, credential(), 'tls')).allocate()).code).toBe(0)
    }
    await untilStats(turn, { allocationsByTransport: { udp: 0, tcp: 0, tls: 20 } })
    await turn.close()
    const ended = turn.lines.filter(({ message }) => message === 'relay ended')
    expect(new Set(ended.map(line => line.process)).size).toBe(2)
  })
})

describe('limits', () => {
  it('on allocations hold over all processes, asked for at once', async () => {
    const turn = await startFleet({ limits: { allocationsPerUser: 4, allocations: 6 } })
    const ada = await Promise.all(Array.from({ length: 12 }, () => startClient(turn, credential('ada'))))
    const codes = await Promise.all(ada.map(async client => (await client.allocate()).code))
    expect(codes.filter(code => code === 0)).toHaveLength(4)
    expect(codes.filter(code => code === 486)).toHaveLength(8)
    const others = await Promise.all(
      Array.from({ length: 6 }, (_, user) => startClient(turn, credential(`user ${user}`))),
    )
    const more = await Promise.all(others.map(async client => (await client.allocate()).code))
    expect(more.filter(code => code === 0)).toHaveLength(2)
    expect(more.filter(code => code === 508)).toHaveLength(4)
    expect(turn.stats()).toMatchObject({ allocations: 6, users: 3 })
    await ada[codes.indexOf(0)]?.refresh(0)
    await vi.waitFor(async () => expect((await ada[codes.indexOf(486)]?.allocate())?.code).toBe(0), SETTLE)
  })

  it.each([
    ['a user', { bytesPerSecondPerUser: 50_000 }, 'bandwidth'],
    ['all users', { bytesPerSecond: 50_000 }, 'bandwidthInAll'],
  ] as const)('on the bandwidth of %s hold over all processes', async (_whose, limits, reason) => {
    const peer = await startPeer()
    const turn = await startFleet({ allowedPeers: allow(peer), limits })
    const all = await spread(turn, 'ada', 6)
    for (const { client } of all) expect((await client.bindChannel(0x4000, peer.endpoint)).code).toBe(0)
    let bytes = 0
    peer.socket.on('message', packet => {
      bytes += packet.length
    })
    const begun = Date.now()
    // Some 1.2 MB/s, shared evenly: a limit for each process on its own would let through twice as much.
    const packet = Buffer.alloc(1000)
    for (let tick = 0; tick < 60; tick++) {
      for (const { client } of all) for (let i = 0; i < 10; i++) client.sendChannel(0x4000, packet)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    await vi.waitFor(() => expect(turn.stats().refused[reason]).toBeGreaterThan(1000), SETTLE)
    const seconds = (Date.now() - begun) / 1000
    // One second of burst, and what was shared out differently for a moment.
    expect(bytes).toBeLessThanOrEqual(50_000 * (seconds + 1.2))
    expect(bytes).toBeGreaterThan(50_000)
  })
})

describe('revoking', () => {
  it('reaches every process, those to come as well', async () => {
    const turn = await startFleet()
    const revoked = credential('ada', 600)
    const ada = await spread(turn, 'ada', 4)
    const bob = await startClient(turn, credential('bob'))
    expect((await bob.allocate()).code).toBe(0)
    expect(turn.revoke('ada', Math.floor(Date.now() / 1000) + 600)).toBe(ada.length)
    await untilStats(turn, { allocations: 1, users: 1 })
    for (const { client } of ada) expect((await client.refresh()).code).toBe(401)
    expect((await bob.refresh()).code).toBe(0)

    process.kill(fleetProcesses()[0] as number, 'SIGKILL')
    await untilStats(turn, { processes: 2, processesLost: 1 })
    for (let i = 0; i < 8; i++) {
      expect((await (await startClient(turn, revoked)).allocate()).code).toBe(401)
    }
    expect((await (await startClient(turn, credential('ada', 660))).allocate()).code).toBe(0)
  })
})

describe('ending', () => {
  it('drains every process, those to come as well', async () => {
    const turn = await startFleet()
    const all = await spread(turn, 'ada')
    const drained = turn.drain(60_000)
    await vi.waitFor(async () => {
      for (let i = 0; i < 6; i++) expect((await (await startClient(turn)).allocate()).code).toBe(508)
    }, SETTLE)
    expect(turn.stats()).toMatchObject({ draining: true, allocations: all.length })
    for (const { client } of all) expect((await client.refresh()).code).toBe(0)
    process.kill(fleetProcesses()[0] as number, 'SIGKILL')
    await untilStats(turn, { processes: 2, processesLost: 1 })
    for (let i = 0; i < 6; i++) expect((await (await startClient(turn)).allocate()).code).toBe(508)
    for (const { client } of all) await client.refresh(0)
    await drained
    expect(turn.stats().allocations).toBe(0)
  })

  it('closes every process, socket and port, twice if asked', async () => {
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    const turn = await startFleet({ listenAddress: '::', announcedAddresses: ['127.0.0.1'] })
    const relayed: number[] = []
    const here = { ...turn, endpoint: (await startTurn()).endpoint }
    expect(here.addresses).toHaveLength(4)
    const local = await startFleet()
    for (const { relayed: at } of await spread(local, 'ada', 4)) relayed.push(at.port)
    await Promise.all([turn.close(), turn.close(), local.close()])
    await turn.close()
    expect(fleetProcesses()).toEqual([])
    await expectFree([turn.port, local.port], ['udp', 'tcp'])
    await expectFree(relayed, ['udp'])
    // The test's own clients and its one server are still there.
    expect(open() - before).toBeLessThan(20)
  })
})
