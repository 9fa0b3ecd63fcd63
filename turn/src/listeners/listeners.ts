import type { Refusal } from '../counters.ts'
import type { Limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import type { Transport } from '../stun/transport.ts'
import type { TlsOptions } from '../turn.ts'
import { Certificate, type Pem } from './certificate.ts'
import type { Client } from './client.ts'
import { Connections } from './connections.ts'
import { StreamListener } from './stream-listener.ts'
import { UdpListener } from './udp-listener.ts'

/** What listeners do with what they hear. Data goes to relays by itself. */
export type ListenerDeps = {
  limits: Limits
  /** A request, or something that claims to be one. @returns why it got no answer, if it got none */
  onRequest: (packet: Buffer, client: Client) => Refusal | undefined
  /** A client on a stream hung up: its allocation ends (RFC 8656 section 5). */
  onGone: (client: Client) => void
  onRefused: (reason: Refusal) => void
  onError: (error: unknown) => void
}

export type ListenOptions = {
  logger: Logger
  listenAddress: string
  port: number
  tls?: TlsOptions | undefined
  reusePort?: boolean | undefined
  /** File descriptors of UDP sockets bound already, in the order of the addresses. */
  udpFds?: readonly number[] | undefined
  /** What the certificate's files held when they were of use last, for a process in the place of another. */
  lastGood?: Pem | undefined
}

export type Listeners = {
  /** The UDP and TCP port bound. */
  port: number
  tlsPorts: number[]
  /** As `udp:address:port`. */
  addresses: string[]
  /** The TLS certificate it begins with, as PEM. */
  certificate: Buffer | undefined
  /** Closes every port and every connection. */
  close(): Promise<void>
}

type Listener = { transport: Transport; local: Endpoint; close(): Promise<void> }

/** Binds one port at one address. */
type Bind = (address: string, port: number) => Promise<Listener>

/** How often another free port is looked for when the one the system gave is taken in another protocol or family. */
const FREE_PORT_TRIES = 20

/** `::` is both wildcards as two sockets, so that IPv4 clients look like IPv4. */
export const listenAddresses = (listen: string): readonly string[] =>
  listen === '::' ? ['0.0.0.0', '::'] : [listen]

const isInUse = (error: unknown): boolean =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'

/** One port number in every given way, or nothing. @param wanted 0 for one that is free in all of them */
const bindPort = async (wanted: number, ways: readonly (readonly [string, Bind])[]): Promise<Listener[]> => {
  for (let tries = 1; ; tries++) {
    const open: Listener[] = []
    let port = wanted
    try {
      for (const [address, bind] of ways) {
        const listener = await bind(address, port)
        open.push(listener)
        port = listener.local.port
      }
      return open
    } catch (error) {
      await Promise.all(open.map(listener => listener.close()))
      if (wanted !== 0 || !isInUse(error) || tries === FREE_PORT_TRIES) throw error
    }
  }
}

/** Binds every port there is to listen on, or none. @throws Error in one sentence when one can't be bound */
export const openListeners = async (options: ListenOptions, deps: ListenerDeps): Promise<Listeners> => {
  const { logger, listenAddress, tls, reusePort = false, udpFds, lastGood } = options
  const connections = new Connections(deps.limits, deps.onRefused)
  const certificate =
    tls &&
    (await Certificate.open({
      certPath: tls.certPath,
      keyPath: tls.keyPath,
      seconds: deps.limits.certificateSeconds,
      logger,
      owner: 'TURN',
      lastGood,
    }))
  const open: Listener[] = []
  const close = async (): Promise<void> => {
    certificate?.close()
    const closed = open.map(listener => listener.close())
    connections.close()
    await Promise.all(closed)
  }
  const addresses = listenAddresses(listenAddress)
  const udp: Bind = (address, port) =>
    UdpListener.create({ address, port, reusePort, fd: udpFds?.[addresses.indexOf(address)] }, deps)
  const stream =
    (secureContext?: () => Certificate['context']): Bind =>
    (address, port) =>
      StreamListener.create({ address, port, reusePort, secureContext }, deps, connections)
  const bind = async (port: number, ...binds: readonly Bind[]): Promise<number> => {
    const ways = addresses.flatMap(address => binds.map(one => [address, one] as const))
    const bound = await bindPort(port, ways)
    open.push(...bound)
    return bound[0]?.local.port ?? 0
  }
  try {
    const port = await bind(options.port, udp, stream())
    const tlsPorts: number[] = []
    if (certificate) {
      const overTls = stream(() => certificate.context)
      for (const wanted of tls.ports) tlsPorts.push(await bind(wanted, overTls))
    }
    return {
      port,
      tlsPorts,
      addresses: open.map(({ transport, local }) => `${transport}:${local}`),
      certificate: certificate?.pem.cert,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
