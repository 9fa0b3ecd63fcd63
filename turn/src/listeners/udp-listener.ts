import type { RemoteInfo, Socket } from 'node:dgram'
import type { Refusal } from '../counters.ts'
import type { Relay } from '../relay/relay.ts'
import { bindUdpSocket, sendDatagram } from '../relay/udp-socket.ts'
import { SEND_INDICATION } from '../stun/data-message.ts'
import { Endpoint } from '../stun/endpoint.ts'
import type { Client } from './client.ts'
import type { ListenerDeps } from './listeners.ts'

/** Why a port could not be bound, in words its operator can act on. */
const bindError = (cause: NodeJS.ErrnoException, address: string, port: number): Error => {
  const where = `UDP port ${port} on ${address}`
  const sentence =
    cause.code === 'EADDRINUSE'
      ? `${where} is already in use: stop the other program or choose another TURN_PORT`
      : cause.code === 'EACCES'
        ? `${where} needs more rights than this process has: choose a TURN_PORT above 1023`
        : cause.code === 'EADDRNOTAVAIL'
          ? `${address} is not an address of this machine, so TURN can't listen on it`
          : `TURN can't listen on ${where}: ${cause.message}`
  return new Error(sentence, { cause })
}

/** One UDP socket clients talk to: sorts packets into data, which goes straight to a relay, and requests. */
export class UdpListener {
  readonly local: Endpoint
  readonly #socket: Socket
  readonly #deps: ListenerDeps
  readonly #relays = new Map<string, Relay>()
  #closed = false

  /** @throws Error with one clear sentence when the port can't be bound */
  static async create(address: string, port: number, deps: ListenerDeps): Promise<UdpListener> {
    try {
      return new UdpListener(await bindUdpSocket(address, port), deps)
    } catch (error) {
      throw bindError(error as NodeJS.ErrnoException, address, port)
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
    const key = `${from.address}:${from.port}`
    const type = packet.readUInt16BE(0)
    if ((type & 0xc000) === 0x4000) {
      const relay = this.#relays.get(key)
      return relay ? relay.fromClientChannel(packet) : 'noAllocation'
    }
    if (type === SEND_INDICATION) {
      const relay = this.#relays.get(key)
      return relay ? relay.fromClientIndication(packet) : 'noAllocation'
    }
    return this.#deps.onRequest(packet, this.#client(from, key))
  }

  #client(from: RemoteInfo, key: string): Client {
    return {
      local: this.local,
      transport: 'udp',
      endpoint: new Endpoint(from.address, from.port),
      send: packet =>
        !this.#closed &&
        sendDatagram(this.#socket, packet, from.port, from.address, this.#deps.limits.sendQueueBytes),
      attach: relay => {
        if (relay) this.#relays.set(key, relay)
        else this.#relays.delete(key)
      },
    }
  }
}
