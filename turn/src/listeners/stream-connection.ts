import type { Socket } from 'node:net'
import type { Relay } from '../relay/relay.ts'
import { SEND_INDICATION } from '../stun/data-message.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import { CHANNEL_MIN, CLASS, classOf, MAX_CONTROL_BYTES } from '../stun/stun.ts'
import type { Transport } from '../stun/transport.ts'
import type { Client } from './client.ts'
import type { Connections } from './connections.ts'
import { FrameReader, MAX_DATA_BYTES, paddingAfter } from './frames.ts'
import type { ListenerDeps } from './listeners.ts'
import { SendQueue } from './send-queue.ts'

/** Kept for answers when data fills the queue: a call whose Refresh is not answered would end. */
const ANSWER_RESERVE_BYTES = 16_384

/** One TCP or TLS connection, which is one client: its messages in, ours out. */
export class StreamConnection {
  readonly address: string
  readonly #socket: Socket
  readonly #deps: ListenerDeps
  readonly #connections: Connections
  readonly #client: Client
  readonly #queue: SendQueue
  // Nobody holds much of our memory who has not shown a credential.
  readonly #frames = new FrameReader(MAX_CONTROL_BYTES)
  #relay: Relay | undefined
  /** Messages since it last had an allocation, or since it was opened. */
  #unallocated = 0
  #isClosed = false

  /** @param socket a connected socket, or a TLS socket over one whether its handshake is done or not */
  constructor(
    socket: Socket,
    ends: { local: Endpoint; remote: Endpoint; transport: Transport },
    deps: ListenerDeps,
    connections: Connections,
  ) {
    this.address = ends.remote.address
    this.#socket = socket
    this.#queue = new SendQueue(socket)
    this.#deps = deps
    this.#connections = connections
    this.#client = {
      local: ends.local,
      transport: ends.transport,
      endpoint: ends.remote,
      send: packet => this.#send(packet),
      attach: relay => this.#attach(relay),
    }
    socket.on('data', chunk => this.#read(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Resets and timeouts need no word: the connection is over, which `close` says.
      if (error.code?.startsWith('ERR_SSL')) deps.onRefused('handshake')
    })
    // A client that will send nothing more wants nothing more: its queue is not waited for.
    socket.on('end', () => this.destroy())
    socket.on('close', () => this.#gone())
  }

  destroy(): void {
    this.#socket.destroy()
    this.#gone()
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return
    if (this.#frames.push(chunk, message => this.#receive(message))) return
    this.#deps.onRefused('malformed')
    this.destroy()
  }

  #receive(message: Buffer): void {
    if (this.#isClosed) return
    if (!this.#relay && ++this.#unallocated > this.#deps.limits.messagesWithoutAllocation) {
      // A stranger who asks without end and reads nothing would fill our memory with answers, and all our time.
      this.#deps.onRefused('throttled')
      this.destroy()
      return
    }
    try {
      const type = message.readUInt16BE(0)
      const isChannelData = type >= CHANNEL_MIN
      const refusal =
        isChannelData || type === SEND_INDICATION
          ? this.#relayed(message, isChannelData)
          : this.#deps.onRequest(message, this.#client)
      if (refusal) this.#deps.onRefused(refusal)
    } catch (error) {
      this.#deps.onError(error)
    }
  }

  #relayed(message: Buffer, isChannelData: boolean) {
    const relay = this.#relay
    if (!relay) return 'noAllocation'
    return isChannelData ? relay.fromClientChannel(message) : relay.fromClientIndication(message)
  }

  /** Queues one message. */
  #send(packet: Buffer): boolean {
    if (this.#isClosed) return false
    const { streamQueueBytes } = this.#deps.limits
    const room = isAnswer(packet) ? streamQueueBytes + ANSWER_RESERVE_BYTES : streamQueueBytes
    if (this.#queue.bytes + packet.length > room) return false
    this.#queue.push(packet)
    const padding = paddingAfter(packet)
    if (padding.length > 0) this.#queue.push(padding)
    return true
  }

  #attach(relay: Relay | undefined): void {
    if (relay && this.#isClosed) {
      // It hung up while its relay socket was being bound; the allocation is not complete before this returns.
      queueMicrotask(() => this.#deps.onGone(this.#client))
      return
    }
    this.#relay = relay
    this.#unallocated = 0
    if (this.#isClosed) return
    if (relay) {
      this.#frames.maxDataBytes = MAX_DATA_BYTES
      this.#connections.settle(this)
    } else {
      this.#connections.wait(this)
    }
  }

  #gone(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#connections.remove(this)
    if (this.#relay) this.#deps.onGone(this.#client)
  }
}

const isAnswer = (packet: Buffer): boolean => {
  const type = packet.readUInt16BE(0)
  return type < CHANNEL_MIN && classOf(type) !== CLASS.indication
}
