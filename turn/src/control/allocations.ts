import type { User } from '../access/authenticator.ts'
import type { Quota } from '../access/quota.ts'
import { isSelfTestUser } from '../check/self-test-user.ts'
import type { Counters } from '../counters.ts'
import type { Logger } from '../log.ts'
import type { Relay } from '../relay/relay.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import type { Transport } from '../stun/transport.ts'

/** What node-turn takes for a socket: it asks for the address and wants to listen, nothing else. */
export type RelayHandle = {
  readonly relay: Relay
  /** What was granted, in seconds. */
  readonly lifetime: number
  /** What redeems the port reserved beside this one. */
  readonly token: Buffer | undefined
  address(): Endpoint
  on(): void
}

/** node-turn's own allocation, whose timers and permissions are taken over as it appears. */
export type Allocation = {
  /** Of the Allocate it came from. */
  transactionID: string
  user: User
  sockets: readonly [RelayHandle]
  lifetime: number
  timeToExpiry: number
  timer: NodeJS.Timeout
  fiveTuple: string
  channelBindings: Record<number, Endpoint>
  update(seconds?: number): void
  permit(address: string): void
}

/** A timer may fire a millisecond early: ms by which an allocation counts as expired. */
const TIMER_SLACK_MS = 10

/** The allocations there are, by 5-tuple: what becomes of each when node-turn makes it, and how each ends. */
export class Allocations {
  /** In the place of node-turn's table. What is set there is taken over, what is deleted ends. */
  readonly table: object
  readonly #quota: Quota
  readonly #counters: Counters
  readonly #logger: Logger
  readonly #live = new Map<string, Allocation>()

  constructor(deps: { quota: Quota; counters: Counters; logger: Logger }) {
    this.#quota = deps.quota
    this.#counters = deps.counters
    this.#logger = deps.logger
    this.table = new Proxy(Object.create(null), {
      set: (_none, _tuple, allocation: Allocation) => {
        this.#adopt(allocation)
        return true
      },
      deleteProperty: (_none, tuple) => {
        this.end(String(tuple))
        return true
      },
    })
  }

  get size(): number {
    return this.#live.size
  }

  /** How many there are by how their clients reach us. */
  get byTransport(): Record<Transport, number> {
    const counts = { udp: 0, tcp: 0, tls: 0 }
    for (const { sockets } of this.#live.values()) counts[sockets[0].relay.client.transport]++
    return counts
  }

  get(tuple: string): Allocation | undefined {
    return this.#live.get(tuple)
  }

  /** 5-tuples of those a user has, or of all. */
  tuples(user?: string): string[] {
    return [...this.#live].flatMap(([tuple, { sockets }]) =>
      user === undefined || sockets[0].relay.account.user === user ? [tuple] : [],
    )
  }

  /** Ends one, if it is there: its socket is closed, its quota given back, its life told in one line. */
  end(tuple: string, why?: 'closing' | 'disconnected' | 'revoked'): void {
    const allocation = this.#live.get(tuple)
    if (!allocation) return
    // node-turn leaves the timer running, and it would end the next allocation on this 5-tuple.
    clearTimeout(allocation.timer)
    this.#live.delete(tuple)
    const [{ relay }] = allocation.sockets
    relay.client.attach(undefined)
    relay.close()
    this.#quota.release(relay.account)
    const expired = Date.now() + TIMER_SLACK_MS >= allocation.timeToExpiry
    // The self-test says by itself what came of it.
    this.#logger[isSelfTestUser(relay.account.user) ? 'debug' : 'info'](
      {
        user: relay.account.user,
        transport: relay.client.transport,
        client: relay.client.endpoint.toString(),
        relayed: relay.relayed.toString(),
        seconds: Math.round((Date.now() - relay.openedAt) / 1000),
        packetsToPeers: relay.packetsToPeers,
        bytesToPeers: relay.bytesToPeers,
        packetsToClient: relay.packetsToClient,
        bytesToClient: relay.bytesToClient,
        end: why ?? (expired ? 'expired' : 'released'),
      },
      'relay ended',
    )
  }

  /** Called within node-turn's Allocation constructor, before it sets its timer from `lifetime`. */
  #adopt(allocation: Allocation): void {
    const [{ relay, lifetime }] = allocation.sockets
    const tuple = allocation.fiveTuple
    allocation.lifetime = lifetime
    allocation.timeToExpiry = Date.now() + lifetime * 1000
    // Its own update() sets a timer of NaN ms when called without a lifetime, as it is for a repeated Allocate.
    allocation.update = seconds => {
      if (seconds === undefined) return
      clearTimeout(allocation.timer)
      allocation.lifetime = seconds
      allocation.timeToExpiry = Date.now() + seconds * 1000
      allocation.timer = setTimeout(() => this.end(tuple), seconds * 1000)
    }
    allocation.permit = address => relay.permit(address)
    this.#live.set(tuple, allocation)
    relay.client.attach(relay)
    this.#counters.allocationsMade++
  }
}
