import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { FrameReader, MAX_DATA_BYTES } from '../listeners/frames.ts'
import { bindUdpSocket } from '../relay/udp-socket.ts'
import { Endpoint } from '../stun/endpoint.ts'
import type { Transport } from '../stun/transport.ts'

export type WireOptions = {
  /** Default `udp`. */
  transport?: Transport | undefined
  /** The local address to send from. Default: whatever the system takes. */
  from?: string | undefined
  /** The local port. Default: a free one. */
  fromPort?: number | undefined
  /** Over TLS: which certificate to accept. Default: one the system trusts, for the server's address. */
  tls?: Pick<ConnectionOptions, 'ca' | 'rejectUnauthorized' | 'servername'> | undefined
  /** How long connecting may take, TLS handshake included. Default 3000. */
  timeoutMs?: number | undefined
}

/** A client's way to a server. */
export type Wire = {
  readonly local: Endpoint
  /** Whether what is sent arrives without being repeated. */
  readonly reliable: boolean
  /** Settles when the wire is closed, by either end. */
  readonly closed: Promise<void>
  /** On a stream with its padding, where it needs any. */
  send(bytes: Buffer): void
  close(): void
}

/** @param onPacket gets one STUN or ChannelData message at a time, without padding */
export const openWire = (
  server: Endpoint,
  options: WireOptions,
  onPacket: (packet: Buffer) => void,
): Promise<Wire> =>
  (options.transport ?? 'udp') === 'udp'
    ? openUdp(server, options, onPacket)
    : openStream(server, options, onPacket)

const openUdp = async (
  server: Endpoint,
  { from = server.address.includes(':') ? '::' : '0.0.0.0', fromPort = 0 }: WireOptions,
  onPacket: (packet: Buffer) => void,
): Promise<Wire> => {
  const socket = await bindUdpSocket(from, fromPort)
  const { address, port } = socket.address()
  let isOpen = true
  const closed = once(socket, 'close').then(() => {})
  socket.on('error', () => {})
  socket.on('message', onPacket)
  return {
    local: new Endpoint(address, port),
    reliable: false,
    closed,
    send: bytes => socket.send(bytes, server.port, server.address),
    close: () => {
      if (isOpen) socket.close()
      isOpen = false
    },
  }
}

const openStream = async (
  server: Endpoint,
  { transport, from, fromPort, tls, timeoutMs = 3000 }: WireOptions,
  onPacket: (packet: Buffer) => void,
): Promise<Wire> => {
  const where = {
    host: server.address,
    port: server.port,
    noDelay: true,
    ...(from === undefined ? {} : { localAddress: from }),
    ...(fromPort === undefined ? {} : { localPort: fromPort }),
  }
  const isTls = transport === 'tls'
  const socket: Socket = isTls ? connectTls({ ...where, ...tls }) : connectTcp(where)
  const closed = new Promise<void>(resolve => {
    socket.once('close', () => resolve())
  })
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    socket.destroy()
    throw new Error(`No ${isTls ? 'TLS' : 'TCP'} connection to ${server}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const frames = new FrameReader(MAX_DATA_BYTES)
  // How a connection failed is said by its close; those who wait for an answer hear of it there.
  socket.on('error', () => {})
  socket.on('data', chunk => {
    if (!frames.push(chunk, onPacket)) socket.destroy()
  })
  return {
    local: new Endpoint(socket.localAddress ?? '', socket.localPort ?? 0),
    reliable: true,
    closed,
    send: bytes => {
      socket.write(bytes)
    },
    close: () => {
      socket.destroy()
    },
  }
}
