import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { TurnClient } from '../check/client.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { Endpoint } from '../stun/endpoint.ts'
import { ATTRIBUTE, attribute, CLASS, encodeMessage, METHOD } from '../stun/stun.ts'
import { firstNonce, hello, signedAllocate } from '../testing/allocated.ts'
import { credential, type Peer, REALM, SECRET, startClient, startPeer } from '../testing/server.ts'
import type { Start, Usage } from './testing/server-process.ts'

// What node-turn 0.0.6 gets wrong. Each test runs twice, against node-turn as published and against ours, each in a
// process of its own: it fails there, in the way described, and passes here.

/** A server in a process of its own. */
type Target = {
  endpoint: Endpoint
  user: { username: string; password: string }
  /** Resolves with how the process ended, if it does. */
  died: Promise<string>
  usage(): Promise<Usage>
}

type Defect = {
  name: string
  /** What the test says of bare node-turn. */
  complaint: RegExp
  settings?: Partial<Pick<Start, 'address' | 'announced' | 'limits'>>
  run(target: Target, peer: Peer): Promise<void>
}

const expired = credential('ada', -1)

const freePort = async (address: string): Promise<number> => {
  const socket = await bindUdpSocket(address, 0)
  const { port } = socket.address()
  await new Promise<void>(resolve => socket.close(resolve))
  return port
}

const startTarget = async (bare: boolean, peer: Peer, settings: Defect['settings']): Promise<Target> => {
  const address = settings?.address ?? '127.0.0.1'
  const user = credential()
  const start: Start = {
    bare,
    address,
    port: await freePort(address),
    announced: address,
    realm: REALM,
    secret: SECRET,
    users: [user, expired],
    allowedPeers: [{ address: peer.endpoint.address, port: peer.endpoint.port }],
    limits: {},
    ...settings,
  }
  const child = fork(join(import.meta.dirname, 'testing/server-process.ts'), [JSON.stringify(start)], {
    // What node-turn says while dying.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const died = once(child, 'exit').then(([code, signal]) => `the process ended with ${code ?? signal}`)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await died
  })
  const [port] = (await once(child, 'message')) as [number]
  return {
    endpoint: new Endpoint(address, port),
    user,
    died,
    usage: async () => {
      child.send('usage')
      const [usage] = (await once(child, 'message')) as [Usage]
      return usage
    },
  }
}

/** A client with an allocation, and where peers see it. */
const allocate = async (target: Target): Promise<{ client: TurnClient; relayed: Endpoint }> => {
  const client = await startClient(target, target.user)
  const answer = await client.allocate()
  expect(answer.code).toBe(0)
  return { client, relayed: answer.address(ATTRIBUTE.xorRelayedAddress) as Endpoint }
}

const DEFECTS: readonly Defect[] = [
  {
    name: 'inherited names are no credentials',
    complaint: /expected \+?0 to be 401/,
    run: async target => {
      const client = await startClient(target, target.user)
      const nonce = await firstNonce(client)
      const password = String(Object)
      expect((await client.exchange(signedAllocate('constructor', password, nonce))).code).toBe(401)
    },
  },
  {
    name: 'a nonce nobody gave is stale',
    complaint: /expected \+?0 to be 438/,
    run: async target => {
      const client = await startClient(target, target.user)
      const { username, password } = target.user
      expect((await client.exchange(signedAllocate(username, password, '__proto__'))).code).toBe(438)
    },
  },
  ...[0, 1].map(
    (length): Defect => ({
      name: `${length === 0 ? 'an empty datagram' : 'a datagram of one byte'} from a peer is relayed`,
      complaint: /'the process ended with 1' to deeply equal/,
      run: async (target, peer) => {
        const { client, relayed } = await allocate(target)
        expect((await client.permit(peer.endpoint)).code).toBe(0)
        peer.send(Buffer.alloc(length), relayed)
        const got = client.data().then(({ data }) => data)
        expect(await Promise.race([got, target.died])).toEqual(Buffer.alloc(length))
      },
    }),
  ),
  {
    name: 'a refresh keeps the allocation for the time granted',
    complaint: /expected \+?0 to be 600/,
    run: async (target, peer) => {
      const { client } = await allocate(target)
      const answer = await client.refresh(600)
      expect(answer.values.get(ATTRIBUTE.lifetime)?.readUInt32BE()).toBe(600)
      expect((await client.permit(peer.endpoint)).code).toBe(0)
    },
  },
  {
    name: 'ChannelData from the client is relayed',
    complaint: /to deeply equal/,
    run: async (target, peer) => {
      const { client } = await allocate(target)
      expect((await client.bindChannel(0x4001, peer.endpoint)).code).toBe(0)
      const got = peer.next()
      client.sendChannel(0x4001, hello)
      client.send(peer.endpoint, Buffer.from('this comes after it'))
      expect(String((await got).data)).toEqual(String(hello))
    },
  },
  {
    name: 'ChannelBind signs its answers',
    complaint: /expected false to be true/,
    run: async (target, peer) => {
      const { client } = await allocate(target)
      const answer = await client.bindChannel(0x4001, peer.endpoint)
      expect(answer.code).toBe(0)
      expect(answer.signed).toBe(true)
    },
  },
  {
    name: 'an allocation closes its sockets',
    complaint: /to be less than or equal to/,
    run: async target => {
      const client = await startClient(target, target.user)
      await firstNonce(client)
      const before = (await target.usage()).files
      for (let round = 0; round < 10; round++) {
        expect((await client.allocate()).code).toBe(0)
        expect((await client.refresh(0)).code).toBe(0)
      }
      await vi.waitFor(async () => expect((await target.usage()).files).toBeLessThanOrEqual(before))
    },
  },
  {
    name: 'a second Allocate on a 5-tuple is refused',
    complaint: /expected \+?0 to be 437/,
    run: async target => {
      const { client } = await allocate(target)
      expect((await client.allocate()).code).toBe(437)
    },
  },
  {
    name: 'there is no memory of a flood of strangers',
    complaint: /to be less than 500000/,
    run: async target => {
      const client = await startClient(target, target.user)
      const flood = async (rounds: number): Promise<void> => {
        for (let round = 0; round < rounds; round++) {
          await Promise.all(Array.from({ length: 100 }, () => firstNonce(client)))
        }
      }
      await flood(10)
      const before = (await target.usage()).heapBytes
      await flood(30)
      // node-turn keeps 0.4 kB for each of the 3,000, for an hour.
      expect((await target.usage()).heapBytes - before).toBeLessThan(500_000)
    },
  },
  {
    name: 'a packet of attributes costs no more than it should',
    complaint: /to be less than 200/,
    run: async target => {
      const client = await startClient(target, target.user)
      await client.binding()
      const packet = encodeMessage({
        method: METHOD.allocate,
        messageClass: CLASS.request,
        transactionId: randomBytes(12),
        attributes: Array.from({ length: 16_000 }, () =>
          attribute(ATTRIBUTE.messageIntegrity, Buffer.alloc(0)),
        ),
      })
      const before = (await target.usage()).cpuMs
      for (let copy = 0; copy < 2; copy++) client.raw(packet)
      expect((await client.binding(10_000)).code).toBe(0)
      // CPU time, which is no shorter on an idle machine: half a second for each there, microseconds here.
      expect((await target.usage()).cpuMs - before).toBeLessThan(200)
    },
  },
  {
    name: 'private addresses are no peers',
    complaint: /expected \+?0 to be 403/,
    run: async target => {
      const { client } = await allocate(target)
      for (const address of ['169.254.169.254', '10.1.2.3', '127.0.0.2']) {
        expect((await client.permit(new Endpoint(address, 80))).code).toBe(403)
      }
    },
  },
  {
    name: 'TCP clients are served',
    complaint: /ECONNREFUSED/,
    run: async target => {
      const client = await TurnClient.create(target.endpoint, target.user, { transport: 'tcp' })
      onTestFinished(() => client.close())
      expect((await client.allocate()).code).toBe(0)
    },
  },
  {
    name: 'IPv6 addresses are spelled as they are',
    complaint: /to be 'fd00:1:2:0:0:0:0:3'/,
    settings: { address: '::1', announced: 'fd00:1:2::3' },
    run: async target => {
      const { relayed } = await allocate(target)
      expect(relayed.address).toBe('fd00:1:2:0:0:0:0:3')
    },
  },
  {
    name: 'a user has a quota',
    complaint: /expected \+?0 to be 486/,
    settings: { limits: { allocationsPerUser: 2 } },
    run: async target => {
      for (const _each of [1, 2]) await allocate(target)
      expect((await (await startClient(target, target.user)).allocate()).code).toBe(486)
    },
  },
  {
    name: 'a user has a bandwidth',
    complaint: /to be less than or equal to 12000/,
    settings: { limits: { bytesPerSecondPerUser: 10_000 } },
    run: async (target, peer) => {
      const { client } = await allocate(target)
      expect((await client.permit(peer.endpoint)).code).toBe(0)
      let relayed = 0
      const allArrived = new Promise<void>(resolve => {
        peer.socket.on('message', packet => {
          if (packet.equals(hello)) resolve()
          else relayed += packet.length
        })
      })
      for (let sent = 0; sent < 30; sent++) client.send(peer.endpoint, Buffer.alloc(1000))
      // Answered after all of them were handled, so what we say to the peer ourselves then comes last.
      await client.binding()
      peer.send(hello, peer.endpoint)
      await allArrived
      expect(relayed).toBeLessThanOrEqual(12_000)
    },
  },
  {
    name: 'an expired credential makes no allocation',
    complaint: /expected \+?0 to be 401/,
    run: async target => {
      expect((await (await startClient(target, expired)).allocate()).code).toBe(401)
    },
  },
]

describe.each(DEFECTS)('$name', ({ complaint, settings, run }) => {
  const against = async (bare: boolean): Promise<void> => {
    const peer = await startPeer(settings?.address)
    await run(await startTarget(bare, peer, settings), peer)
  }

  it('not by node-turn as published', { timeout: 20_000 }, async () => {
    await expect(against(true)).rejects.toThrow(complaint)
  })

  it('by ours', { timeout: 20_000 }, async () => {
    await against(false)
  })
})
