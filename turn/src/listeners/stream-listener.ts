import { createServer, type Server, type Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { Endpoint } from '../stun/endpoint.ts'
import { bindError } from './bind-error.ts'
import type { Connections } from './connections.ts'
import type { ListenerDeps } from './listeners.ts'
import { StreamConnection } from './stream-connection.ts'

/** Where to listen, and the certificate that makes it TLS. */
export type StreamOptions = {
  address: string
  port: number
  reusePort: boolean
  /** Asked for each connection, since certificates are renewed. */
  secureContext?: (() => SecureContext) | undefined
}

/** One TCP or TLS port clients connect to. */
export class StreamListener {
  readonly transport: 'tcp' | 'tls'
  readonly local: Endpoint
  readonly #server: Server
  readonly #deps: ListenerDeps
  readonly #connections: Connections
  readonly #secureContext: (() => SecureContext) | undefined

  /** @throws Error with one clear sentence when the port can't be bound */
  static async create(
    options: StreamOptions,
    deps: ListenerDeps,
    connections: Connections,
  ): Promise<StreamListener> {
    const { address, port, reusePort, secureContext } = options
    const server = createServer({ noDelay: true })
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(
          { host: address, port, exclusive: true, reusePort, ipv6Only: address.includes(':') },
          () => {
            server.off('error', reject)
            resolve()
          },
        )
      })
    } catch (error) {
      throw bindError(error as NodeJS.ErrnoException, secureContext ? 'tls' : 'tcp', address, port)
    }
    return new StreamListener(server, secureContext, deps, connections)
  }

  private constructor(
    server: Server,
    secureContext: (() => SecureContext) | undefined,
    deps: ListenerDeps,
    connections: Connections,
  ) {
    const bound = server.address()
    if (bound === null || typeof bound === 'string') throw new TypeError('not a TCP port')
    this.transport = secureContext ? 'tls' : 'tcp'
    this.local = new Endpoint(bound.address, bound.port)
    this.#server = server
    this.#secureContext = secureContext
    this.#deps = deps
    this.#connections = connections
    server.on('error', deps.onError)
    server.on('connection', socket => {
      try {
        this.#accept(socket)
      } catch (error) {
        socket.destroy()
        deps.onError(error)
      }
    })
  }

  /** Accepts no more; resolves once its connections are closed, which is for others to do. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
    })
  }

  #accept(raw: Socket): void {
    const { remoteAddress, remotePort } = raw
    // Both are missing when it hung up before we looked.
    if (remoteAddress === undefined || remotePort === undefined) {
      raw.destroy()
      return
    }
    const remote = new Endpoint(remoteAddress, remotePort)
    const secureContext = this.#secureContext?.()
    const isTaken =
      (!secureContext || this.#connections.mayShakeHands(remote.address)) &&
      this.#connections.makeRoomFor(remote.address)
    if (!isTaken) {
      raw.destroy()
      return
    }
    // A reset while hands are shaken is said by the plain socket.
    raw.on('error', () => {})
    const socket = secureContext ? new TLSSocket(raw, { isServer: true, secureContext }) : raw
    const ends = { local: this.local, remote, transport: this.transport }
    this.#connections.add(new StreamConnection(socket, ends, this.#deps, this.#connections))
  }
}
