import type { RemoteInfo, Socket } from 'node:dgram'
import type { PeerPolicy } from '../access/policy.ts'
import type { Account } from '../access/quota.ts'
import type { Counters, Refusal } from '../counters.ts'
import type { Limits } from '../limits.ts'
import { channelData, dataIndication, readChannelData, readSendIndication } from '../stun/data-message.ts'
import { addressBytes, canonicalAddress, Endpoint, type Family } from '../stun/endpoint.ts'
import type { Transport } from '../stun/transport.ts'
import { sendDatagram } from './udp-socket.ts'

/** The client's end of an allocation. */
export type ClientPath = {
  readonly endpoint: Endpoint
  readonly transport: Transport
  /** @returns false when the packet was dropped because the network is behind */
  send(packet: Buffer): boolean
  /** Tells the listener where this client's data goes from now on, or that it goes nowhere. */
  attach(relay: Relay | undefined): void
}

type Permission = { until: number; bytes: Buffer }
type Channel = { number: number; peer: Endpoint; until: number }

/**
 * One allocation's socket and every byte through it, in both directions. node-turn decides about requests
 * only; permissions and channels live here because each packet asks for them.
 */
export class Relay {
  readonly client: ClientPath
  readonly account: Account
  /** Where peers see this client: the announced address. */
  readonly relayed: Endpoint
  readonly openedAt = Date.now()
  packetsToPeers = 0
  packetsToClient = 0
  bytesToPeers = 0
  bytesToClient = 0
  readonly #socket: Socket
  readonly #policy: PeerPolicy
  readonly #limits: Limits
  readonly #counters: Counters
  readonly #permissions = new Map<string, Permission>()
  readonly #channels = new Map<number, Channel>()
  readonly #channelsByPeer = new Map<string, Channel>()
  #closed = false

  constructor(deps: {
    socket: Socket
    client: ClientPath
    account: Account
    announced: string
    policy: PeerPolicy
    limits: Limits
    counters: Counters
    onError: (error: unknown) => void
  }) {
    this.#socket = deps.socket
    this.client = deps.client
    this.account = deps.account
    this.relayed = new Endpoint(deps.announced, deps.socket.address().port)
    this.#policy = deps.policy
    this.#limits = deps.limits
    this.#counters = deps.counters
    deps.socket.on('message', (data, from) => {
      try {
        const refusal = this.#fromPeer(data, from)
        if (refusal) deps.counters.refuse(refusal)
      } catch (error) {
        deps.onError(error)
      }
    })
    deps.socket.on('error', deps.onError)
  }

  get family(): Family {
    return this.relayed.family
  }

  /** Whether these addresses fit beside the permissions still held. */
  hasRoomFor(addresses: readonly string[]): boolean {
    this.#forgetExpired()
    const fresh = new Set(addresses.filter(address => !this.#permissions.has(address)))
    return this.#permissions.size + fresh.size <= this.#limits.permissionsPerAllocation
  }

  permit(address: string): void {
    const until = Date.now() + this.#limits.permissionSeconds * 1000
    this.#permissions.set(address, { until, bytes: addressBytes(address) })
  }

  /** Channels held, each with its peer; expired ones are gone. */
  channels(): ReadonlyMap<number, { readonly peer: Endpoint }> {
    this.#forgetExpired()
    return this.#channels
  }

  bindChannel(number: number, peer: Endpoint): void {
    const channel = { number, peer, until: Date.now() + this.#limits.channelSeconds * 1000 }
    this.#channels.set(number, channel)
    this.#channelsByPeer.set(`${peer.address}:${peer.port}`, channel)
  }

  /** ChannelData from the client. @returns why it was dropped, if it was */
  fromClientChannel(packet: Buffer): Refusal | undefined {
    const message = readChannelData(packet)
    if (message === undefined) return 'malformed'
    const channel = this.#channels.get(message.channel)
    if (channel === undefined || channel.until <= Date.now()) return 'noChannel'
    return this.#toPeer(message.data, channel.peer)
  }

  /** A Send indication from the client. @returns why it was dropped, if it was */
  fromClientIndication(packet: Buffer): Refusal | undefined {
    const message = readSendIndication(packet)
    if (message === undefined) return 'malformed'
    const permission = this.#permissions.get(message.peer.address)
    if (permission === undefined || permission.until <= Date.now()) return 'noPermission'
    return this.#toPeer(message.data, message.peer)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#permissions.clear()
    this.#channels.clear()
    this.#channelsByPeer.clear()
    this.#socket.close()
  }

  #toPeer(data: Buffer, peer: Endpoint): Refusal | undefined {
    if (this.#closed) return 'noAllocation'
    if (!this.#policy.mayExchange(this.account.user, peer.address, peer.port)) {
      return 'forbidden'
    }
    const overspent = this.account.spend(data.length)
    if (overspent) return overspent
    if (!sendDatagram(this.#socket, data, peer.port, peer.address, this.#limits.sendQueueBytes)) {
      return 'congested'
    }
    this.packetsToPeers++
    this.bytesToPeers += data.length
    this.#counters.packetsToPeers++
    this.#counters.bytesToPeers += data.length
    return undefined
  }

  #fromPeer(data: Buffer, from: RemoteInfo): Refusal | undefined {
    if (this.#closed) return 'noAllocation'
    const address = from.family === 'IPv6' ? (canonicalAddress(from.address) ?? '') : from.address
    const permission = this.#permissions.get(address)
    const now = Date.now()
    if (permission === undefined || permission.until <= now) return 'noPermission'
    if (!this.#policy.mayExchange(this.account.user, address, from.port)) {
      return 'forbidden'
    }
    const overspent = this.account.spend(data.length)
    if (overspent) return overspent
    const channel = this.#channelsByPeer.get(`${address}:${from.port}`)
    const packet =
      channel && channel.until > now
        ? channelData(channel.number, data)
        : dataIndication(permission.bytes, from.port, data)
    if (!this.client.send(packet)) return 'congested'
    this.packetsToClient++
    this.bytesToClient += data.length
    this.#counters.packetsToClients++
    this.#counters.bytesToClients += data.length
    return undefined
  }

  #forgetExpired(): void {
    const now = Date.now()
    for (const [address, permission] of this.#permissions) {
      if (permission.until <= now) this.#permissions.delete(address)
    }
    for (const [number, channel] of this.#channels) {
      if (channel.until > now) continue
      this.#channels.delete(number)
      this.#channelsByPeer.delete(`${channel.peer.address}:${channel.peer.port}`)
    }
  }
}
