import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@trunkline/kit'
import TurnServer from 'node-turn'
import Message from 'node-turn/lib/message.js'
import Transport from 'node-turn/lib/transport.js'
import { Authenticator, type User } from '../access/authenticator.ts'
import { Credentials } from '../access/credentials.ts'
import type { Nonces } from '../access/nonce.ts'
import type { PeerPolicy } from '../access/policy.ts'
import type { Account, Quota } from '../access/quota.ts'
import type { Revocations } from '../access/revocations.ts'
import type { Counters, Refusal } from '../counters.ts'
import type { Limits } from '../limits.ts'
import type { Client } from '../listeners/client.ts'
import type { Relay } from '../relay/relay.ts'
import type { Endpoint, Family } from '../stun/endpoint.ts'
import { checkRequest, type Request } from '../stun/packet-check.ts'
import { ATTRIBUTE, attribute, CLASS, METHOD, UDP_TRANSPORT } from '../stun/stun.ts'
import { Admission, CAPACITY, QUOTA, type Rejection, UNKNOWN_ATTRIBUTE } from './admission.ts'

// node-turn 0.0.6 (last commit 2020) decides about requests and writes the answers; this file is all it
// touches. What it gets wrong, what closes it here, and the test that shows it (defects.test.ts,
// lifetimes.test.ts or peers.test.ts):
//
//   credentials on a plain object        a Proxy that knows only the password just verified   "inherited names"
//   nonces stored, `__proto__` accepted  Nonces: computed, bound to the client's address      "nonces"
//   0 or 1 byte from a peer kills it     Relay receives from peers, node-turn never does      "tiny datagrams"
//   Refresh: lifetime NaN                defaultLifetime, maxAllocateTimeout, own update()    "refresh"
//   a stale timer ends a new allocation  the timer is cleared when an allocation ends         "a freed 5-tuple"
//   client ChannelData never relayed     Relay relays it                                      "ChannelData"
//   ChannelBind answers lack integrity   Reply.resolve and reject add it                      "ChannelData"
//   relay sockets never closed           the Proxy over `allocations` closes them             "sockets are freed"
//   second Allocate on one 5-tuple       msg.allocation is set for Allocate too, and pending  "second Allocate"
//   floods held in memory, slow parser   checkRequest reads instead; nonces need no memory    "flood"
//   no peer policy                       before Allocate, CreatePermission and ChannelBind    "private peers"
//   IPv6 text mis-expanded               Endpoint spells addresses out                        "IPv6"
//   no quota, no bandwidth cap           Quota in allocateUdp, Account                        "quota"

type Handler = (msg: Message, reply: Message) => void

/** What node-turn takes for a socket: it asks for the address and wants to listen, nothing else. */
type RelayHandle = { relay: Relay; lifetime: number; address(): Endpoint; on(): void }

/** node-turn's own allocation, whose timers and permissions are taken over as it appears. */
type Allocation = {
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

/** Stands for "none", so that a request without an allocation is authenticated before it is told 437. */
type NoAllocation = { user: { username: string | undefined } }

const REFUSALS: Readonly<Record<number, Refusal>> = {
  401: 'unauthorized',
  403: 'forbidden',
  420: 'unknownAttribute',
  437: 'mismatch',
  438: 'staleNonce',
  441: 'wrongCredentials',
  486: 'quota',
  508: 'capacity',
}

/** A request in node-turn's hands, with its user once that is proven. */
type Current = { client: Client } & Partial<User>

/** An answer; once its user is known it carries MESSAGE-INTEGRITY, also where node-turn forgets it. */
class Reply extends Message {
  /** Told of a rejection; what it returns is said instead. */
  onReject: (rejection: Rejection) => Rejection = rejection => rejection

  override reject(code: number, reason: string): void {
    super.reject(...this.onReject([code, reason]))
  }

  override toBuffer(): Buffer {
    const signed = this.attributes.some(({ type }) => type === ATTRIBUTE.messageIntegrity)
    if (this.user && !signed) this.addAttribute('message-integrity')
    return super.toBuffer()
  }
}

/** A request read by checkRequest, in the form node-turn's handlers expect. */
class Incoming extends Message {
  readonly client: Client
  readonly unknown: readonly number[]
  /** Whether the relayed address is to have an even port. */
  evenPort = false
  /** Why no relay was opened: node-turn says 508 whatever the reason. */
  rejection: Rejection | undefined
  readonly #counters: Counters

  constructor(server: TurnServer, request: Request, client: Client, counters: Counters) {
    const socket = {
      send: (packet: Buffer, _port: number, _address: string, done: (error: null) => void) => {
        client.send(packet)
        done(null)
      },
    }
    super(server, new Transport(UDP_TRANSPORT, client.endpoint, client.local, socket))
    this.client = client
    this.unknown = request.unknown
    this.#counters = counters
    this.class = CLASS.request
    this.method = request.method
    this.transactionID = request.transactionId
    this.useFingerprint = request.fingerprint
    this.attributes = request.attributes
  }

  get tuple(): string {
    return this.transport.get5Tuple()
  }

  get requestedFamily(): number | undefined {
    const asked = this.attributes.find(({ type }) => type === ATTRIBUTE.requestedAddressFamily)
    return asked === undefined ? undefined : Number(asked.value)
  }

  override reply(): Reply {
    const reply = new Reply(this.server, this.transport.revert())
    reply.class = this.class
    reply.method = this.method
    reply.transactionID = this.transactionID
    reply.useFingerprint = this.useFingerprint
    reply.onReject = rejection => {
      const told = this.rejection ?? rejection
      const [code] = told
      const first = code === 401 && this.getAttribute('message-integrity') === undefined
      this.#counters.refuse(first ? 'challenged' : (REFUSALS[code] ?? 'badRequest'))
      return told
    }
    return reply
  }
}

/** Binds a relay socket for a client. @throws Error when there is no port left */
export type OpenRelay = (asked: {
  client: Client
  account: Account
  family: Family
  /** Whether only an even port will do. */
  even: boolean
}) => Promise<Relay>

/** How often a draining server looks whether somebody is left, ms. */
const DRAIN_LOOK_MS = 100

export type ControlDeps = {
  logger: Logger
  realm: string
  /** What we relay in. */
  families: readonly Family[]
  credentials: Credentials
  revocations: Revocations
  nonces: Nonces
  policy: PeerPolicy
  quota: Quota
  limits: Limits
  counters: Counters
  openRelay: OpenRelay
}

/** Answers STUN Binding and TURN's requests. Packets come in by `handle`, answers leave by the client. */
export class Control {
  readonly #deps: ControlDeps
  readonly #server: TurnServer
  readonly #authenticator: Authenticator
  readonly #admission: Admission
  readonly #allocations = new Map<string, Allocation>()
  /** 5-tuples whose relay socket is being bound: a repeated Allocate waits for that answer. */
  readonly #pending = new Set<string>()
  /** Whose request is in node-turn's hands, which is synchronous up to its answer or to allocateUdp. */
  #current: Current | undefined
  #closed = false
  #isDraining = false

  constructor(deps: ControlDeps) {
    this.#deps = deps
    this.#authenticator = new Authenticator(deps)
    this.#admission = new Admission(deps.policy, deps.limits, deps.families)
    this.#server = new TurnServer({
      listeningIps: [],
      authMech: 'long-term',
      realm: deps.realm,
      credentials: new Proxy(Object.create(null), { get: (_none, name) => this.#passwordOf(name) }),
      debugLevel: 'OFF',
      debug: () => {},
    })
    this.#override(this.#server)
  }

  get allocations(): number {
    return this.#allocations.size
  }

  /**
   * One packet that is neither ChannelData nor a Send indication.
   * @returns why it got no answer; refusals that were answered are counted here
   */
  handle(packet: Buffer, client: Client): Refusal | undefined {
    const { counters } = this.#deps
    const request = checkRequest(packet)
    if (typeof request === 'string') return request
    const msg = new Incoming(this.#server, request, client, counters)
    if (request.method === METHOD.binding && request.unknown.length > 0)
      return rejectUnknown(msg, msg.reply())
    const current: Current = { client }
    if (request.integrityOffset !== undefined) {
      const claim = {
        username: msg.getAttribute('username'),
        nonce: msg.getAttribute('nonce'),
        client: client.endpoint,
      }
      const held = this.#allocations.get(msg.tuple)?.user
      const user = this.#authenticator.verify(packet, request.integrityOffset, claim, held)
      if (user === 'throttled') return 'throttled'
      Object.assign(current, user)
      // Never false: node-turn would answer 401 before it looks at the nonce. Without a password it is 401 too.
      msg.attributes.push({ type: ATTRIBUTE.messageIntegrity, value: user ? 'verified' : 'unverified' })
    }
    this.#current = current
    try {
      this.#server.emit('message', msg)
    } finally {
      this.#current = undefined
    }
    return undefined
  }

  /** Ends the allocation of a client that is gone, if it had one. */
  endClient(client: Client): void {
    for (const [tuple, { sockets }] of this.#allocations) {
      if (sockets[0].relay.client === client) this.#end(tuple)
    }
  }

  /** Ends all allocations of a user. @returns how many there were */
  endUser(user: string): number {
    const tuples = [...this.#allocations].flatMap(([tuple, { sockets }]) =>
      sockets[0].relay.account.user === user ? [tuple] : [],
    )
    for (const tuple of tuples) this.#end(tuple)
    return tuples.length
  }

  /** Refuses new allocations (508) and resolves once none is left, at the latest after so many ms. */
  async drain(ms: number): Promise<void> {
    this.#isDraining = true
    const until = Date.now() + ms
    while (this.#allocations.size > 0 && Date.now() < until) await sleep(DRAIN_LOOK_MS)
  }

  /** Ends every allocation; later requests find none and get none. */
  close(): void {
    this.#closed = true
    for (const tuple of [...this.#allocations.keys()]) this.#end(tuple, true)
  }

  #passwordOf(name: string | symbol): string | undefined {
    return this.#current?.username === name ? this.#current.password : undefined
  }

  #override(server: TurnServer): void {
    const { nonces, limits } = this.#deps
    const client = () => String(this.#current?.client.endpoint)
    server.authentification.generateNonce = () => nonces.create(client())
    server.authentification.checkNonce = nonce => nonces.valid(nonce, client())
    server.defaultLifetime = limits.defaultLifetimeSeconds
    server.defaultAllocatetLifetime = limits.defaultLifetimeSeconds
    server.maxAllocateTimeout = limits.maxLifetimeSeconds
    server.allocations = new Proxy(Object.create(null), {
      get: (_none, tuple) => this.#allocations.get(String(tuple)) ?? this.#noAllocation(),
      set: (_none, _tuple, allocation: Allocation) => {
        this.#adopt(allocation)
        return true
      },
      deleteProperty: (_none, tuple) => {
        this.#end(String(tuple))
        return true
      },
    })
    server.send.send = () => {}
    server.allocate.checkToken = () => false
    // Asked and taken in one step in #openRelay, because several processes may have to be asked.
    server.allocate.checkQuota = () => true
    server.allocate.allocateUdp = msg => this.#openRelay(msg as Incoming)
    const { allocate, refresh, createPermission, channelBind } = server
    const admission = this.#admission
    allocate.allocate = this.#guarded(allocate.allocate.bind(allocate), msg => {
      msg.allocation = this.#allocations.get(msg.tuple) ?? null
      const [even] = msg.getAttributes('even-port')
      // node-turn answers any EVEN-PORT with 508; reserving the next port too (R = true) we can't do either.
      msg.evenPort = even === false
      if (msg.evenPort) msg.attributes = msg.attributes.filter(({ type }) => type !== ATTRIBUTE.evenPort)
      return this.#isDraining && !msg.allocation ? CAPACITY : admission.allocate(msg.requestedFamily)
    })
    refresh.refresh = this.#guarded(refresh.refresh.bind(refresh), (msg, relay) => {
      const asked = msg.attributes.find(({ type }) => type === ATTRIBUTE.lifetime)
      if (asked && asked.value !== 0) asked.value = admission.lifetime(Number(asked.value))
      return admission.refresh(msg.requestedFamily, relay)
    })
    createPermission.createPermission = this.#guarded(
      createPermission.createPermission.bind(createPermission),
      (msg, relay) => admission.createPermission(msg, relay),
    )
    const bind = channelBind.channelBind.bind(channelBind)
    channelBind.channelBind = this.#guarded(
      (msg, reply) => this.#bindChannel(msg as Incoming, reply, bind),
      (msg, relay) => admission.channelBind(msg, relay),
    )
  }

  /** Runs node-turn's handler only when the check has nothing against the request. */
  #guarded(
    handler: Handler,
    check: (msg: Incoming, relay: Relay | undefined) => Rejection | undefined,
  ): Handler {
    return (message, reply) => {
      const msg = message as Incoming
      if (this.#pending.has(msg.tuple) || this.#closed) return reply.discard()
      if (msg.unknown.length > 0) {
        rejectUnknown(msg, reply)
        return
      }
      const rejection = check(msg, this.#allocations.get(msg.tuple)?.sockets[0].relay)
      if (rejection) reply.reject(...rejection)
      else handler(msg, reply)
    }
  }

  #noAllocation(): NoAllocation {
    return { user: { username: this.#current?.username } }
  }

  async #openRelay(msg: Incoming): Promise<[RelayHandle]> {
    const { quota, revocations, openRelay } = this.#deps
    const claim = Credentials.parse(msg.user?.username ?? '')
    if (!claim) throw new Error('An allocation needs a user')
    this.#pending.add(msg.tuple)
    let account: Account | undefined
    try {
      const taken = await quota.take(claim.user)
      if (typeof taken === 'string') {
        msg.rejection = taken === 'quota' ? QUOTA : CAPACITY
        throw new Error('No room for another allocation')
      }
      account = taken
      const family = (msg.requestedFamily as Family | undefined) ?? this.#admission.defaultFamily
      const relay = await openRelay({ client: msg.client, account, family, even: msg.evenPort })
      if (this.#closed || revocations.holds(claim.user, claim.expiry)) {
        relay.close()
        throw new Error('The server closed, or the credential was revoked, while the relay was opened')
      }
      // node-turn looks for an attribute called "liftetime", so what the client asks for is granted here.
      const lifetime = this.#admission.lifetime(msg.getAttribute('lifetime') as number | undefined)
      return [{ relay, lifetime, address: () => relay.relayed, on: () => {} }]
    } catch (error) {
      if (account) quota.release(account)
      throw error
    } finally {
      this.#pending.delete(msg.tuple)
    }
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
      allocation.timer = setTimeout(() => this.#end(tuple), seconds * 1000)
    }
    allocation.permit = address => relay.permit(address)
    this.#allocations.set(tuple, allocation)
    relay.client.attach(relay)
    this.#deps.counters.allocationsMade++
  }

  /** Lets node-turn judge the binding against the channels still alive, and stores what it accepts. */
  #bindChannel(msg: Incoming, reply: Message, handler: Handler): void {
    const allocation = this.#allocations.get(msg.tuple)
    if (!allocation) return
    const [{ relay }] = allocation.sockets
    allocation.channelBindings = Object.fromEntries(
      [...relay.channels()].map(([number, channel]) => [number, channel.peer]),
    )
    handler(msg, reply)
    const number = Number(msg.getAttribute('channel-number'))
    const bound = allocation.channelBindings[number]
    if (bound && bound === msg.getAttribute('xor-peer-address')) relay.bindChannel(number, bound)
  }

  #end(tuple: string, closing = false): void {
    const allocation = this.#allocations.get(tuple)
    if (!allocation) return
    // node-turn leaves the timer running, and it would end the next allocation on this 5-tuple.
    clearTimeout(allocation.timer)
    this.#allocations.delete(tuple)
    const [{ relay }] = allocation.sockets
    relay.client.attach(undefined)
    relay.close()
    this.#deps.quota.release(relay.account)
    // A timer may fire a millisecond early.
    const expired = Date.now() + 10 >= allocation.timeToExpiry
    this.#deps.logger.info(
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
        end: closing ? 'closing' : expired ? 'expired' : 'released',
      },
      'relay ended',
    )
  }
}

/** 420 with UNKNOWN-ATTRIBUTES in full: node-turn can name one only. */
const rejectUnknown = (msg: Incoming, reply: Message): undefined => {
  const value = Buffer.alloc(msg.unknown.length * 2)
  msg.unknown.forEach((type, index) => {
    value.writeUInt16BE(type, index * 2)
  })
  const bytes = attribute(ATTRIBUTE.unknownAttributes, value)
  reply.attributes.push({ type: ATTRIBUTE.unknownAttributes, toBuffer: () => bytes })
  reply.length += bytes.length
  reply.reject(...UNKNOWN_ATTRIBUTE)
}
