import { type ChildProcess, fork, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TurnClient } from '../../turn/src/check/client.ts'
import { bindUdpSocket } from '../../turn/src/relay/udp-socket.ts'
import { Endpoint } from '../../turn/src/stun/endpoint.ts'
import { ATTRIBUTE, CLASS } from '../../turn/src/stun/stun.ts'
import { scratchFolder } from '../server.ts'
import { compile } from './blast.ts'
import {
  type Engine,
  type Format,
  HOST,
  type Kind,
  NODE_TURN_USER,
  type Pair,
  type Peers,
  REALM,
  SECRET,
  type Start,
} from './engine.ts'

type User = { username: string; password: string }

const HOUR = 3600
/** The one the blaster sends by. */
const CHANNEL = 0x4000

/** A UDP port nobody has at the moment. */
export const freeUdpPort = async (): Promise<number> => {
  const socket = await bindUdpSocket(HOST, 0)
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

/** As coturn's `use-auth-secret` and we compute it. */
const timeLimited = (): User => {
  const username = `${Math.floor(Date.now() / 1000) + HOUR}:bench`
  return { username, password: createHmac('sha1', SECRET).update(username).digest('base64') }
}

/** @returns what ends it; it also ends when this process exits */
const owned = (child: ChildProcess): (() => Promise<void>) => {
  const kill = () => child.kill()
  process.once('exit', kill)
  return async () => {
    process.off('exit', kill)
    if (child.exitCode !== null || child.signalCode !== null) return
    if (child.connected) child.disconnect()
    else kill()
    await once(child, 'exit')
  }
}

/** Starts one of the servers in this folder; resolves once it has told its port. */
const startServer = async (file: string, start: Partial<Start>) => {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(start)])
  const close = owned(child)
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended with ${code}`)
  })
  const [{ port }] = await Promise.race([once(child, 'message'), died])
  died.catch(() => undefined)
  const pid = child.pid ?? 0
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return {
    pids: [pid, ...(children === '' ? [] : children.split(' ').map(Number))],
    port: port as number,
    close,
  }
}

/** Below what the system gives away, so that no relay gets the port of a client whose socket is closed for a moment. */
let lastClientPort = 10_000

const assertSuccess = (what: string, answer: { messageClass: number; code: number }): void => {
  if (answer.messageClass !== CLASS.success) throw new Error(`${what} was answered ${answer.code}`)
}

/** Allocates, permits both peers and binds a channel, then leaves the port to the blaster. */
const allocate = async (server: Endpoint, user: User, peers: Peers): Promise<Pair> => {
  const fromPort = ++lastClientPort
  const client = await TurnClient.create(server, user, { from: HOST, fromPort })
  const allocated = await client.allocate()
  assertSuccess('Allocate', allocated)
  const channelPeer = new Endpoint(HOST, peers.channel)
  assertSuccess('CreatePermission', await client.permit(channelPeer))
  assertSuccess('ChannelBind', await client.bindChannel(CHANNEL, channelPeer))
  client.close()
  return { client: fromPort, relayed: allocated.address(ATTRIBUTE.xorRelayedAddress)?.port ?? 0 }
}

const clientsOf = (port: number, user: () => User, peers: Peers) => async (count: number) => {
  const pairs: Pair[] = []
  while (pairs.length < count) pairs.push(await allocate(new Endpoint(HOST, port), user(), peers))
  return pairs
}

export const startOurs = async (peers: Peers, processes = 1): Promise<Engine> => {
  const server = await startServer('./ours-server.ts', { peers, processes })
  return {
    ...server,
    name: processes === 1 ? 'Trunkline' : `Trunkline, ${processes} processes`,
    format: kind => kind,
    connect: clientsOf(server.port, timeLimited, peers),
  }
}

export const startNodeTurn = async (peers: Peers): Promise<Engine> => {
  const server = await startServer('./node-turn-server.ts', { port: await freeUdpPort() })
  return {
    ...server,
    name: 'node-turn 0.0.6',
    // It never relays what clients send by channel.
    format: kind => (kind === 'channel-out' ? undefined : kind),
    connect: clientsOf(server.port, () => NODE_TURN_USER, peers),
  }
}

/** Debian's, with one thread for clients beside those it always has. */
export const startCoturn = async (peers: Peers): Promise<Engine> => {
  const folder = scratchFolder()
  const port = await freeUdpPort()
  const options = [
    ['-n', '--no-tls', '--no-dtls', '--no-cli', '--allow-loopback-peers', '--relay-threads', '1'],
    ['--listening-ip', HOST, '--listening-port', String(port)],
    ['--relay-ip', HOST, '--min-port', '20000', '--max-port', '32000'],
    ['--realm', REALM, '--use-auth-secret', '--static-auth-secret', SECRET],
    [
      '--userdb',
      join(folder.path, 'turndb'),
      '--pidfile',
      join(folder.path, 'pid'),
      '--log-file',
      '/dev/null',
    ],
  ].flat()
  const child = spawn('turnserver', options, { stdio: 'ignore' })
  const close = owned(child)
  await once(child, 'spawn').catch(() => {
    throw new Error(
      'coturn is not installed: apt-get install --no-install-recommends coturn, then run this again.',
    )
  })
  const probe = await TurnClient.create(new Endpoint(HOST, port), undefined, { from: HOST })
  await probe.binding(10_000)
  probe.close()
  return {
    name: 'coturn',
    pids: [child.pid ?? 0],
    port,
    format: kind => kind,
    connect: clientsOf(port, timeLimited, peers),
    close: async () => {
      await close()
      folder.remove()
    },
  }
}

/** Clients of an echo: each says hello from its port, and is answered the port of its relay. */
const echoClients = (port: number) => async (count: number) => {
  const pairs: Pair[] = []
  while (pairs.length < count) {
    const client = ++lastClientPort
    const socket = await bindUdpSocket(HOST, client)
    socket.send('hello', port, HOST)
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(3000) })
    pairs.push({ client, relayed: Number(answer) })
    socket.close()
  }
  return pairs
}

const echoFormat = (kind: Kind): Format => (kind === 'send' || kind === 'channel-out' ? 'raw-out' : 'raw-in')

/** Node's floor. */
export const startEcho = async (peers: Peers): Promise<Engine> => {
  const server = await startServer('./echo-server.ts', { peers })
  return { ...server, name: 'receive and send, Node', format: echoFormat, connect: echoClients(server.port) }
}

/** The floor of a data path without Node. */
export const startNativeEcho = async (peers: Peers): Promise<Engine> => {
  const { program, remove } = await compile('echo')
  const child = spawn(program, [String(peers.plain)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const close = owned(child)
  const [told] = await once(child.stdout, 'data')
  const port = Number(told)
  return {
    name: 'receive and send, C++',
    pids: [child.pid ?? 0],
    port,
    format: echoFormat,
    connect: echoClients(port),
    close: async () => {
      await close()
      remove()
    },
  }
}
