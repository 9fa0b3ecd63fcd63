import { createHmac } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { createLogger } from '@trunkline/kit'
import { onTestFinished } from 'vitest'
import { TurnClient } from '../check/client.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { Endpoint } from '../stun/endpoint.ts'
import type { Transport } from '../stun/transport.ts'
import { createTurn, type Turn, type TurnOptions } from '../turn.ts'
import { testCertificate } from './certificate.ts'

export const SECRET = 'a secret of the tests alone'
export const REALM = 'trunkline.test'

/** Free loopback ports, and a logger that says nothing. */
export const TEST_OPTIONS: TurnOptions = {
  logger: createLogger({ name: 'turn', level: 'silent' }),
  listenAddress: '127.0.0.1',
  port: 0,
  secrets: [SECRET],
  realm: REALM,
  relayPortMin: 0,
  relayPortMax: 0,
  peers: 'sfu',
}

/** What a test works with, closed when it ends. */
export const asTestTurn = (turn: Turn, { listenAddress }: Partial<TurnOptions>): TestTurn => {
  onTestFinished(() => turn.close())
  return { ...turn, endpoint: new Endpoint(listenAddress ?? TEST_OPTIONS.listenAddress, turn.port) }
}

export type TestTurn = Turn & { endpoint: Endpoint }

/** A server on a free loopback port, closed with the test. With `tls: await testTls()` it has a TLS port as well. */
export const startTurn = async (options: Partial<TurnOptions> = {}): Promise<TestTurn> =>
  asTestTurn(await createTurn({ ...TEST_OPTIONS, ...options }), options)

/** A credential as signalling mints it, computed here on its own so that the format stays what we say. */
export const credential = (
  user = 'ada',
  seconds = 600,
  secret = SECRET,
): { username: string; password: string } => {
  const username = `${Math.floor(Date.now() / 1000) + seconds}:${user}`
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') }
}

/** A client closed with the test. Over TLS it takes the certificate of `testTls` for that of the server, and no other. */
export const startClient = async (
  turn: Pick<TestTurn, 'endpoint'> & Partial<Pick<TestTurn, 'tlsPorts'>>,
  user: { username: string; password: string } | undefined = credential(),
  transport: Transport = 'udp',
): Promise<TurnClient> => {
  const { address, port } = turn.endpoint
  const server = new Endpoint(address, transport === 'tls' ? (turn.tlsPorts?.[0] ?? 0) : port)
  const from = address.includes(':') ? '::1' : '127.0.0.1'
  const tls = transport === 'tls' ? { ca: (await testCertificate()).cert } : {}
  const client = await TurnClient.create(server, user, { transport, from, tls })
  onTestFinished(() => client.close())
  return client
}

/** Somebody to relay to. `next` gives the next datagram it got, `reply` sends to where that came from. */
export type Peer = {
  endpoint: Endpoint
  socket: Socket
  next(): Promise<{ data: Buffer; from: Endpoint }>
  send(data: Buffer, to: Endpoint): void
}

export const startPeer = async (address = '127.0.0.1'): Promise<Peer> => {
  const socket = await bindUdpSocket(address, 0)
  onTestFinished(() => {
    socket.close()
  })
  return {
    endpoint: new Endpoint(address, socket.address().port),
    socket,
    next: async () => {
      const [data, from] = await once(socket, 'message', { signal: AbortSignal.timeout(3000) })
      return { data, from: new Endpoint(from.address, from.port) }
    },
    send: (data, to) => socket.send(data, to.port, to.address),
  }
}

/** What a mode `sfu` server needs to know to reach the peer. */
export const allow = (...peers: readonly Peer[]): { address: string; port: number }[] =>
  peers.map(({ endpoint }) => ({ address: endpoint.address, port: endpoint.port }))
