import type { RemoteInfo, Socket } from 'node:dgram'
import type { Refusal } from '../counters.ts'
import type { Relay } from '../relay/relay.ts'
import { bindUdpSocket, sendDatagram } from '../relay/udp-socket.ts'
import { SEND_INDICATION } from '../stun/data-message.ts'
import { Endpoint } from '../stun/endpoint.ts'
import { bindError } from './bind-error.ts'
import type { Client } from './client.ts'
import type { ListenerDeps } from './listeners.ts'

/** One UDP socket clients talk to: sorts packets into data, which goes straight to a relay, and requests. */
export class UdpListener {
  readonly transport = 'udp'
  readonly local: Endpoint
  readonly #socket: Socket
  readonly #deps: ListenerDeps
  /** By address, then port: one key of both would have to be made for each packet. */
  readonly #relays = new Map<string, Map<number, Relay>>()
  #closed = false

  /** @throws Error with one clear sentence when the port can't be bound */
  static async create(
    options: { address: string; port: number; reusePort: boolean; fd?: number | undefined },
    deps: ListenerDeps,
  ): Promise<UdpListener> {
    const { address, port, reusePort, fd } = options
    try {
      return new UdpListener(await bindUdpSocket(address, port, reusePort, fd), deps)
    } catch (error) {
      throw bindError(error as NodeJS.ErrnoException, 'udp', address, port)
    }
  }

  constructor(socket: Socket, deps: ListenerDeps) {
    const bound = socket.address()
    this.local = new Endpoint(bound.address, bound.port)
    this.#socket = socket
    this.#deps = deps
    socket.on('message', (packet, from) => {
      try {
        const refusal = this.#receive(packet, from)
        if (refusal) deps.onRefused(refusal)
      } catch (error) {
        deps.onError(error)
      }
    })
    socket.on('error', deps.onError)
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    return new Promise(resolve => this.#socket.close(resolve))
  }

  #receive(packet: Buffer, from: RemoteInfo): Refusal | undefined {
    if (this.#closed) return undefined
    if (packet.length < 4 || from.port === 0) return 'malformed'
    const type = packet.readUInt16BE(0)
    if ((type & 0xc000) === 0x4000) {
      const relay = this.#relays.get(from.address)?.get(from.port)
      return relay ? relay.fromClientChannel(packet) : 'noAllocation'
    }
    if (type === SEND_INDICATION) {
      const relay = this.#relays.get(from.address)?.get(from.port)
      return relay ? relay.fromClientIndication(packet) : 'noAllocation'
    }
    return this.#deps.onRequest(packet, this.#client(from))
  }

  #client(from: RemoteInfo): Client {
    return {
      local: this.local,
      transport: 'udp',
      endpoint: new Endpoint(from.address, from.port),
      send: packet =>
        !this.#closed &&
        sendDatagram(this.#socket, packet, from.port, from.address, this.#deps.limits.sendQueueBytes),
      attach: relay => {
        if (relay) this.#attach(from, relay)
        else this.#detach(from)
      },
    }
  }

  #attach({ address, port }: RemoteInfo, relay: Relay): void {
    const ports = this.#relays.get(address) ?? new Map<number, Relay>()
    this.#relays.set(address, ports.set(port, relay))
  }

  #detach({ address, port }: RemoteInfo): void {
    const ports = this.#relays.get(address)
    ports?.delete(port)
    if (ports?.size === 0) this.#relays.delete(address)
  }
}
