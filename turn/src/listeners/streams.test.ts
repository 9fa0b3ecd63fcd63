import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { REQUESTED_UDP, TurnClient } from '../check/client.ts'
import type { Limits } from '../limits.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { channelData } from '../stun/data-message.ts'
import { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE, METHOD } from '../stun/stun.ts'
import { testCertificate, testTls } from '../testing/certificate.ts'
import { startDetour } from '../testing/detour.ts'
import { collectGarbage } from '../testing/garbage.ts'
import { allow, credential, startClient, startPeer, startTurn, type TestTurn } from '../testing/server.ts'

const STREAMS = ['tcp', 'tls'] as const
type Stream = (typeof STREAMS)[number]

const start = async (limits: Partial<Limits> = {}) => {
  const peer = await startPeer()
  const turn = await startTurn({ tls: await testTls(), allowedPeers: allow(peer), limits })
  return { peer, turn }
}

/** The port of this transport. */
const endpointOf = (turn: TestTurn, stream: Stream): Endpoint =>
  new Endpoint(turn.endpoint.address, stream === 'tls' ? (turn.tlsPorts[0] ?? 0) : turn.port)

/** A client whose connection leads through the test's hands. */
const startDetoured = async (turn: TestTurn, stream: Stream) => {
  const { endpoint, sockets } = await startDetour(endpointOf(turn, stream))
  return { client: await startClient({ endpoint, tlsPorts: [endpoint.port] }, credential(), stream), sockets }
}

/** A bare TCP connection to either port. */
const dial = async (turn: TestTurn, stream: Stream): Promise<{ socket: Socket; closed: Promise<void> }> => {
  const { address, port } = endpointOf(turn, stream)
  const socket = connect({ host: address, port, noDelay: true })
  onTestFinished(() => {
    socket.destroy()
  })
  socket.on('error', () => {})
  socket.resume()
  const closed = new Promise<void>(resolve => {
    socket.on('close', () => resolve())
  })
  await new Promise<void>(resolve => {
    socket.once('connect', resolve)
  })
  return { socket, closed }
}

const relayedOf = async (client: TurnClient): Promise<Endpoint> => {
  const answer = await client.allocate()
  expect(answer.code).toBe(0)
  return answer.address(ATTRIBUTE.xorRelayedAddress) as Endpoint
}

/** Whether nobody holds the relay's port any more. */
const isFree = async ({ address, port }: Endpoint): Promise<boolean> => {
  const socket = await bindUdpSocket(address, port).catch(() => undefined)
  socket?.close()
  return socket !== undefined
}

describe.each(STREAMS)('a %s connection', stream => {
  it.each([
    ['ends', (socket: Socket) => void socket.end()],
    ['is reset', (socket: Socket) => void socket.resetAndDestroy()],
  ])('that %s takes its allocation along', async (_how, hangUp) => {
    const { turn } = await start()
    const other = await startClient(turn, credential(), stream)
    await relayedOf(other)
    const { client, sockets } = await startDetoured(turn, stream)
    const relayed = await relayedOf(client)
    expect(turn.stats().allocations).toBe(2)
    expect(await isFree(relayed)).toBe(false)
    sockets.forEach(hangUp)
    await expect.poll(() => turn.stats().allocations).toBe(1)
    await expect.poll(() => isFree(relayed)).toBe(true)
    await client.closed
    expect((await other.refresh()).code).toBe(0)
  })

  it('that is closed while it is given an allocation leaves none behind', async () => {
    const { turn } = await start()
    for (let round = 1; round <= 3; round++) {
      const client = await startClient(turn, credential(), stream)
      expect((await client.refresh()).code).toBe(437)
      const garbage = Buffer.alloc(8, 0xff)
      client.raw(Buffer.concat([client.encode(METHOD.allocate, [REQUESTED_UDP]), garbage]))
      await client.closed
      await expect.poll(() => turn.stats().refused.malformed).toBe(round)
    }
    expect(turn.stats()).toMatchObject({ allocations: 0, users: 0, allocationsMade: 3 })
  })

  it('is closed when it sends what is neither STUN nor ChannelData', async () => {
    const { turn } = await start()
    const served = await startClient(turn, credential(), stream)
    await relayedOf(served)
    const client = await startClient(turn, credential(), stream)
    client.raw(Buffer.from('GET / HTTP/1.1\r\nHost: turn.test\r\n\r\n'))
    await client.closed
    expect(turn.stats().refused).toMatchObject({ malformed: 1 })
    await expect(client.binding()).rejects.toThrow('is closed')
    served.raw(Buffer.from('8060000100000000', 'hex'))
    await served.closed
    await expect.poll(() => turn.stats().allocations).toBe(0)
  })

  it('may send large data once it has had an allocation, and is closed for it before', async () => {
    const { turn } = await start()
    const large = channelData(0x4000, Buffer.alloc(4000))
    const client = await startClient(turn, credential(), stream)
    await relayedOf(client)
    await client.refresh(0)
    client.raw(large)
    expect((await client.binding()).code).toBe(0)
    expect(turn.stats().refused).toMatchObject({ noAllocation: 1 })
    const stranger = await startClient(turn, credential(), stream)
    stranger.raw(large.subarray(0, 4))
    await stranger.closed
  })

  it('without an allocation is closed in time, whatever it sends', async () => {
    const { turn } = await start({ connectionSeconds: 1 })
    const served = await startClient(turn, credential(), stream)
    await relayedOf(served)
    const asking = await startClient(turn, credential(), stream)
    const done = await startClient(turn, credential(), stream)
    await relayedOf(done)
    const silent = await dial(turn, stream)
    const slow = await dial(turn, stream)
    // A Binding request, or a ClientHello, of which there is always something to come.
    const beginning = Buffer.from(stream === 'tls' ? '160301020001000' : '000104002112a442', 'hex')
    let sent = 0
    const dripping = setInterval(() => {
      slow.socket.write(sent < beginning.length ? beginning.subarray(sent, ++sent) : Buffer.alloc(1))
      asking.binding().catch(() => {})
    }, 20)
    onTestFinished(() => clearInterval(dripping))
    await Promise.all([asking.closed, silent.closed, slow.closed])
    expect(turn.stats()).toMatchObject({ allocations: 2, refused: { deadline: 3 } })
    await done.refresh(0)
    await done.closed
    expect((await served.refresh()).code).toBe(0)
  })

  it('without an allocation may ask so often only, so that no queue of answers grows', async () => {
    const { turn } = await start({ messagesWithoutAllocation: 5 })
    const served = await startClient(turn, credential(), stream)
    await relayedOf(served)
    const stranger = await startClient(turn, credential(), stream)
    const ask = async (client: TurnClient, times: number): Promise<void> => {
      for (let asked = 0; asked < times; asked++) expect((await client.binding()).code).toBe(0)
    }
    await ask(served, 20)
    await ask(stranger, 5)
    await expect(stranger.binding()).rejects.toThrow('is closed')
    expect(turn.stats()).toMatchObject({ allocations: 1, refused: { throttled: 1 } })
    await served.refresh(0)
    await ask(served, 5)
    await expect(served.binding()).rejects.toThrow('is closed')
  })

  it('gives way to others while it has no allocation, and only then', async () => {
    for (const limits of [{ connections: 3 }, { connectionsPerAddress: 3 }]) {
      const { turn } = await start(limits)
      const first = await startClient(turn, credential(), stream)
      await relayedOf(first)
      const silent = await Promise.all([dial(turn, stream), dial(turn, stream)])
      const second = await startClient(turn, credential(), stream)
      const third = await startClient(turn, credential(), stream)
      await Promise.all(silent.map(({ closed }) => closed))
      await relayedOf(second)
      await relayedOf(third)
      await (await dial(turn, stream)).closed
      expect(turn.stats().refused).toMatchObject({ connections: 3 })
      third.close()
      await expect.poll(() => turn.stats().allocations).toBe(2)
      const fourth = await startClient(turn, credential(), stream)
      await relayedOf(fourth)
      expect((await first.refresh()).code).toBe(0)
    }
  })
})

it('shakes hands with one address so often only', async () => {
  const { turn } = await start({ handshakesPerAddress: 3, handshakeSeconds: 1 })
  const served = await startClient(turn, credential(), 'tls')
  await relayedOf(served)
  for (let index = 0; index < 2; index++) (await dial(turn, 'tls')).socket.destroy()
  await (await dial(turn, 'tls')).closed
  expect(turn.stats().refused).toMatchObject({ throttled: 1 })
  expect((await served.refresh()).code).toBe(0)
  expect((await (await startClient(turn, credential(), 'tcp')).binding()).code).toBe(0)
  await expect.poll(() => startClient(turn, credential(), 'tls').catch(() => undefined)).toBeDefined()
})

it('shakes hands with a connection once', async () => {
  const { turn } = await start()
  const { address, port } = endpointOf(turn, 'tls')
  const { cert: ca } = await testCertificate()
  // Later versions have no renegotiation.
  const socket = connectTls({ host: address, port, ca, maxVersion: 'TLSv1.2' })
  onTestFinished(() => {
    socket.destroy()
  })
  socket.on('error', () => {})
  await new Promise<void>(resolve => {
    socket.once('secureConnect', resolve)
  })
  const outcome = new Promise(resolve => {
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
    socket.once('close', () => resolve('closed'))
    socket.renegotiate({}, error => resolve(error?.message ?? 'shaken again'))
  })
  expect(await outcome).toBe('ERR_SSL_NO_RENEGOTIATION')
})

// Another program may hold the port in the other protocol.
it('tells a TCP client from a UDP client of the same address and port', { retry: 3 }, async () => {
  const { turn } = await start()
  const clients: TurnClient[] = []
  for (const transport of ['udp', 'tcp'] as const) {
    const fromPort = clients[0]?.local.port
    const client = await TurnClient.create(turn.endpoint, credential(), { transport, fromPort })
    onTestFinished(() => client.close())
    clients.push(client)
  }
  expect(clients.map(({ local }) => local.port)).toEqual([clients[0]?.local.port, clients[0]?.local.port])
  for (const client of clients) expect((await client.allocate()).code).toBe(0)
  expect(turn.stats().allocations).toBe(2)
  await clients[1]?.refresh(0)
  expect((await clients[0]?.refresh())?.code).toBe(0)
})

describe('a client that reads nothing', { timeout: 60_000 }, () => {
  const memory = (): number => {
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const CHANNEL = 0x4000
  const PACKETS = 20_000
  const PACKET_BYTES = 1001

  it.each(STREAMS)('over %s loses packets, costs no memory and nobody else', async stream => {
    const { turn, peer } = await start({ bytesPerSecondPerUser: 1e9 })
    const { client, sockets } = await startDetoured(turn, stream)
    const relayed = await relayedOf(client)
    await client.bindChannel(CHANNEL, peer.endpoint)
    const other = await startClient(turn, credential('bob'), stream)
    const othersRelay = await relayedOf(other)
    await other.permit(peer.endpoint)

    for (const socket of sockets) socket.pause()
    const data = randomBytes(PACKET_BYTES)
    const flood = async (): Promise<void> => {
      for (let sent = 0; sent < PACKETS; sent += 100) {
        for (let index = 0; index < 100; index++) peer.send(data, relayed)
        // Answered among the rest, so nothing waits for the one that reads nothing.
        peer.send(Buffer.from(`after ${sent}`), othersRelay)
        expect((await other.data()).data?.toString()).toBe(`after ${sent}`)
      }
    }
    // Fills all queues there are, the system's too.
    await flood()
    const filled = memory()
    const { packetsToClients } = turn.stats()
    await flood()
    expect(turn.stats().refused.congested).toBeGreaterThan(1000)
    await expect.poll(() => memory() - filled).toBeLessThan(1_000_000)
    const othersPackets = PACKETS / 100
    expect(turn.stats().packetsToClients).toBe(packetsToClients + othersPackets)

    const refreshed = client.refresh()
    for (const socket of sockets) socket.resume()
    expect((await refreshed).code).toBe(0)
    // What was not dropped comes whole.
    const expected = channelData(CHANNEL, data)
    for (let got = 0; got < packetsToClients - othersPackets; got++) {
      if (!(await client.packet()).equals(expected)) throw new Error(`packet ${got} is damaged`)
    }

    // Nor is its queue waited for when it hangs up.
    for (const socket of sockets) socket.pause()
    await flood()
    for (const socket of sockets) socket.end()
    await expect.poll(() => turn.stats().allocations).toBe(1)
  })
})

it('leaves no descriptor behind', async () => {
  const { turn } = await start()
  const openFiles = (): number => readdirSync('/proc/self/fd').length
  const before = openFiles()
  for (const stream of STREAMS) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => dial(turn, stream)))
    sockets.forEach(({ socket }, index) => {
      if (index % 3 === 0) socket.resetAndDestroy()
      else if (index % 3 === 1) socket.end()
      else socket.end('no handshake, no STUN')
    })
    await Promise.all(sockets.map(({ closed }) => closed))
  }
  await expect.poll(openFiles).toBe(before)
})
