import type { Refusal } from '../counters.ts'
import type { Limits } from '../limits.ts'
import type { TlsOptions } from '../turn.ts'
import type { Client } from './client.ts'
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

export type Listeners = {
  /** The UDP and TCP port bound. */
  port: number
  tlsPorts: number[]
  /** As `udp:address:port`. */
  addresses: string[]
  close(): Promise<void>
}

/** `::` is both wildcards as two sockets, so that IPv4 clients look like IPv4. */
const listenAddresses = (listen: string): readonly string[] =>
  listen === '::' ? ['0.0.0.0', '::'] : [listen]

/** Binds every port there is to listen on, or none. @throws Error in one sentence when one can't be bound */
export const openListeners = async (
  options: {
    listenAddress: string
    port: number
    tls?: TlsOptions | undefined
    reusePort?: boolean | undefined
  },
  deps: ListenerDeps,
): Promise<Listeners> => {
  const open: UdpListener[] = []
  let { port } = options
  try {
    for (const address of listenAddresses(options.listenAddress)) {
      const listener = await UdpListener.create(address, port, deps)
      open.push(listener)
      port = listener.local.port
    }
  } catch (error) {
    await Promise.all(open.map(listener => listener.close()))
    throw error
  }
  return {
    port,
    tlsPorts: [],
    addresses: open.map(listener => `udp:${listener.local}`),
    close: async () => {
      await Promise.all(open.map(listener => listener.close()))
    },
  }
}
