import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TurnClient } from '../check/client.ts'
import { resolveLimits } from '../limits.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE } from '../stun/stun.ts'
import { TRANSPORTS } from '../stun/transport.ts'
import { testCertificate, testTls } from '../testing/certificate.ts'
import { credential, startTurn } from '../testing/server.ts'
import { bindError } from './bind-error.ts'
import { Connections, type Counted } from './connections.ts'

/** A TCP port somebody else holds. */
const occupy = async (port = 0, address = '127.0.0.1'): Promise<number> => {
  const server = createServer()
  await new Promise<void>(resolve => {
    server.listen(port, address, resolve)
  })
  onTestFinished(() => void server.close())
  return (server.address() as { port: number }).port
}

describe('ports', () => {
  it('are one number for UDP and TCP in both families, and one per TLS port', async () => {
    const turn = await startTurn({
      listenAddress: '::',
      announcedAddresses: ['127.0.0.1', '::1'],
      tls: await testTls([0, 0]),
    })
    const { port, tlsPorts } = turn
    const [first, second] = tlsPorts
    expect(new Set([port, first, second]).size).toBe(3)
    const both = (transport: string, at: number | undefined): string[] =>
      ['0.0.0.0', '[0:0:0:0:0:0:0:0]'].map(address => `${transport}:${address}:${at}`)
    const expected = [both('udp', port), both('tcp', port), both('tls', first), both('tls', second)].flat()
    expect(turn.addresses.toSorted()).toEqual(expected.toSorted())

    const tls = { ca: (await testCertificate()).cert }
    for (const address of ['127.0.0.1', '::1']) {
      for (const [transport, at] of [
        ['udp', port],
        ['tcp', port],
        ['tls', first],
        ['tls', second],
      ] as const) {
        const server = new Endpoint(address, at ?? 0)
        const client = await TurnClient.create(server, credential(), { transport, from: address, tls })
        onTestFinished(() => client.close())
        const mapped = (await client.binding()).address(ATTRIBUTE.xorMappedAddress)
        expect(mapped).toEqual(client.local)
        expect((await client.allocate()).code).toBe(0)
      }
    }
    expect(turn.stats().allocations).toBe(8)
  })

  // Another program may take a port between its two uses.
  it('that are taken are named with the setting to change, and those bound before are freed', {
    retry: 3,
  }, async () => {
    const taken = await occupy()
    const tls = await testTls([0, taken])
    await expect(startTurn({ port: taken })).rejects.toThrow(
      `TCP port ${taken} on 127.0.0.1 is already in use: stop the other program or choose another TURN_PORT`,
    )
    const freed = await bindUdpSocket('127.0.0.1', taken)
    freed.close()
    const turn = await startTurn()
    const { port } = turn
    await turn.close()
    await expect(startTurn({ port, tls })).rejects.toThrow(
      `TCP port ${taken} on 127.0.0.1 for TLS is already in use: stop the other program or choose another TURN_TLS_PORTS`,
    )
    await startTurn({ port })
  })

  it('below 1024 are explained where they are not allowed', () => {
    const cause = Object.assign(new Error('bind EACCES'), { code: 'EACCES' })
    expect(bindError(cause, 'tls', '0.0.0.0', 443).message).toBe(
      'TCP port 443 on 0.0.0.0 for TLS needs more rights than this process has: choose a TURN_TLS_PORTS above 1023, or give it the capability CAP_NET_BIND_SERVICE',
    )
    expect(bindError(cause, 'udp', '::', 80)).toMatchObject({
      message: expect.stringContaining('UDP port 80 on :: needs more rights'),
      cause,
    })
  })

  it('are shared by servers that agree to, each with a part of the clients', async () => {
    const tls = await testTls()
    const one = await startTurn({ reusePort: true, tls })
    const same = { port: one.port, tls: { ...tls, ports: one.tlsPorts } }
    await expect(startTurn(same)).rejects.toThrow('already in use')
    const two = await startTurn({ ...same, reusePort: true })
    const ca = (await testCertificate()).cert
    for (const transport of TRANSPORTS) {
      const server = new Endpoint('127.0.0.1', transport === 'tls' ? (one.tlsPorts[0] ?? 0) : one.port)
      const count = () => [one, two].map(turn => turn.stats().allocations)
      const [before = 0, andBefore = 0] = count()
      const clients = 40
      for (let index = 0; index < clients; index++) {
        const client = await TurnClient.create(server, credential(`${transport}-${index}`), {
          transport,
          from: '127.0.0.1',
          tls: { ca },
        })
        onTestFinished(() => client.close())
        expect((await client.allocate()).code).toBe(0)
        expect((await client.refresh()).code).toBe(0)
      }
      const [after = 0, andAfter = 0] = count()
      expect(after - before + andAfter - andBefore).toBe(clients)
      expect(after).toBeGreaterThan(before)
      expect(andAfter).toBeGreaterThan(andBefore)
    }
  })
})

describe('Connections', () => {
  it('takes an IPv6 /64 for one source and an IPv4 address for another each', () => {
    const refused: string[] = []
    const limits = resolveLimits({ connectionsPerAddress: 1 })
    const connections = new Connections(limits, reason => refused.push(reason))
    onTestFinished(() => connections.close())
    const closed: string[] = []
    const arrive = (text: string): Counted | undefined => {
      const { address } = new Endpoint(text, 1)
      if (!connections.makeRoomFor(address)) return undefined
      const counted = {
        address,
        destroy: () => {
          closed.push(text)
          connections.remove(counted)
        },
      }
      connections.add(counted)
      return counted
    }
    arrive('192.0.2.1')
    arrive('192.0.2.2')
    arrive('2001:db8::1')
    arrive('2001:db8:0:1::1')
    expect(closed).toEqual([])
    const settled = arrive('2001:db8::ffff:2')
    expect(closed).toEqual(['2001:db8::1'])
    if (settled) connections.settle(settled)
    expect(arrive('2001:db8::3')).toBeUndefined()
    expect(refused).toEqual(['connections', 'connections'])
    expect(connections.count).toBe(4)
  })
})
