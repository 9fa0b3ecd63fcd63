import TurnServer from 'node-turn'
import { Authenticator, type User } from '../access/authenticator.ts'
import type { Credentials } from '../access/credentials.ts'
import type { Nonces } from '../access/nonce.ts'
import type { PeerPolicy } from '../access/policy.ts'
import type { Counters, Refusal } from '../counters.ts'
import { drained } from '../drained.ts'
import type { Client } from '../listeners/client.ts'
import type { Logger } from '../log.ts'
import { type Endpoint, FAMILY, type Family } from '../stun/endpoint.ts'
import { checkRequest, type Request } from '../stun/packet-check.ts'
import { ATTRIBUTE, attribute, METHOD } from '../stun/stun.ts'
import type { Transport } from '../stun/transport.ts'
import {
  Admission,
  BAD_REQUEST,
  CAPACITY,
  MISMATCH,
  STALE_NONCE,
  UNAUTHENTICATED,
  WRONG_CREDENTIALS,
} from './admission.ts'
import { type Allocation, Allocations, type RelayHandle } from './allocations.ts'
import { Allocator, type AllocatorDeps, Refused } from './allocator.ts'
import { Answer, addressErrorValue } from './answer.ts'
import { Farewells } from './farewells.ts'
import { Incoming, tupleOf } from './incoming.ts'

// node-turn 0.0.6 (last commit 2020) decides about authenticated requests; only this file imports it. What it gets wrong,
// what closes it, and the test of bare-node-turn.test.ts that fails on node-turn as published and passes here:
//
//   credentials on a plain object        Authenticator: node-turn sees proven users only      "inherited names are"
//   nonces stored, `__proto__` accepted  Nonces: computed, bound to the client's address      "a nonce nobody gave"
//   0 or 1 byte from a peer kills it     Relay receives from peers, node-turn never does      "an empty datagram", "a datagram of"
//   Refresh: lifetime NaN                Incoming.lifetime, maxAllocateTimeout, Allocations   "a refresh keeps"
//   client ChannelData never relayed     Relay relays it                                      "ChannelData from"
//   ChannelBind answers lack integrity   Answer: each is signed once its user is known        "ChannelBind signs"
//   relay sockets never closed           Allocations, in the place of its table, closes them  "an allocation closes"
//   second Allocate on one 5-tuple       #allocate knows the first, and those being bound     "a second Allocate"
//   floods held in memory                strangers are challenged without node-turn           "there is no memory"
//   a parser slow in its attributes      checkRequest reads instead                           "a packet of attributes"
//   no peer policy                       Admission, before node-turn's handlers               "private addresses"
//   UDP only                             listeners/, and a 5-tuple that tells transports      "TCP clients"
//   IPv6 text mis-expanded               Endpoint spells addresses out                        "IPv6 addresses"
//   no quota                             Allocator, in allocateUdp                            "a user has a quota"
//   no bandwidth cap                     Account                                              "a user has a bandwidth"
//   no time-limited credentials          Credentials                                          "an expired credential"
//
// Three more, seen in its source and so tested on ours alone: a freed allocation's timer ends the next one on its
// 5-tuple (Allocations clears it; lifetimes.test.ts), EVEN-PORT binds the client's own port number, and
// RESERVATION-TOKEN is looked for where it never puts one (RelayPorts and Allocator, node-turn is not told;
// requests.test.ts).

type Message = Incoming<Allocation>

export type ControlDeps = AllocatorDeps & {
  logger: Logger
  realm: string
  /** What we relay in. */
  families: readonly Family[]
  credentials: Credentials
  nonces: Nonces
  policy: PeerPolicy
  counters: Counters
}

/** Answers STUN Binding and TURN's requests. Packets come in by `handle`, answers leave by the client. */
export class Control {
  readonly #deps: ControlDeps
  readonly #server: TurnServer
  /** The REALM attribute. */
  readonly #realm: Buffer
  readonly #authenticator: Authenticator
  readonly #admission: Admission
  readonly #allocations: Allocations
  /** By 5-tuple, the transaction of the Allocate whose relay socket is being bound. */
  readonly #pending = new Map<string, string>()
  readonly #allocator: Allocator
  readonly #farewells = new Farewells()
  #closed = false
  #isDraining = false

  constructor(deps: ControlDeps) {
    this.#deps = deps
    this.#realm = attribute(ATTRIBUTE.realm, Buffer.from(deps.realm))
    this.#authenticator = new Authenticator(deps)
    this.#admission = new Admission(deps.policy, deps.limits, deps.families)
    this.#allocator = new Allocator(deps, this.#admission)
    this.#allocations = new Allocations(deps)
    const server = new TurnServer({ listeningIps: [], debugLevel: 'OFF', debug: () => {} })
    server.maxAllocateTimeout = deps.limits.maxLifetimeSeconds
    server.allocations = this.#allocations.table
    // Asked by node-turn for every Allocate it finds nothing against.
    server.allocate.allocateUdp = message => this.#openRelay(message as Message)
    this.#server = server
  }

  get allocations(): number {
    return this.#allocations.size
  }

  /** The allocations by how their clients reach us. */
  get byTransport(): Record<Transport, number> {
    return this.#allocations.byTransport
  }

  /**
   * One packet that is neither ChannelData nor a Send indication.
   * @returns why it got no answer; refusals that were answered are counted here
   */
  handle(packet: Buffer, client: Client): Refusal | undefined {
    if (this.#closed) return undefined
    const request = checkRequest(packet)
    if (typeof request === 'string') return request
    const answer = new Answer(request, client, this.#deps.counters)
    if (request.method === METHOD.binding) {
      if (request.unknown.length > 0) answer.rejectUnknown()
      else {
        answer.addAddress(ATTRIBUTE.xorMappedAddress, client.endpoint)
        answer.resolve()
      }
      return undefined
    }
    const tuple = tupleOf(client)
    const allocation = this.#allocations.get(tuple)
    const farewell =
      request.method === METHOD.refresh
        ? this.#farewells.find(tuple, request.transactionId.toString('hex'))
        : undefined
    const user = this.#authenticate(packet, request, client, answer, farewell ?? allocation?.user)
    if (user === undefined || user === 'throttled') return user
    answer.sign(user.key)
    if (request.unknown.length > 0) answer.rejectUnknown()
    else if (request.faulty) answer.reject(...BAD_REQUEST)
    else if (farewell?.username === user.username) {
      answer.addAttribute('lifetime', 0)
      answer.resolve()
    } else {
      const server = this.#server
      this.#decide(request.method, new Incoming({ server, request, client, answer, tuple, user, allocation }))
    }
    return undefined
  }

  /** Ends the allocation of a client that is gone, if it had one. */
  endClient(client: Client): void {
    const tuple = tupleOf(client)
    if (this.#allocations.get(tuple)?.sockets[0].relay.client === client) {
      this.#allocations.end(tuple, 'disconnected')
    }
  }

  /** Ends all allocations and reservations of a user. @returns how many allocations there were */
  endUser(user: string): number {
    const tuples = this.#allocations.tuples(user)
    for (const tuple of tuples) this.#allocations.end(tuple, 'revoked')
    this.#allocator.forget(user)
    return tuples.length
  }

  /** Refuses new allocations (508) and resolves once none is left, at the latest after so many ms. */
  drain(ms: number): Promise<void> {
    this.#isDraining = true
    return drained(() => this.#allocations.size + this.#pending.size, ms)
  }

  /** Ends every allocation; later requests find none and get none. */
  close(): void {
    this.#closed = true
    for (const tuple of this.#allocations.tuples()) this.#allocations.end(tuple, 'closing')
    this.#allocator.close()
  }

  /**
   * The checks of RFC 8489 section 9.2.4, answered without node-turn and without keeping anything. The nonce comes
   * before the password: without a good one the address may be forged, and nothing is computed for it.
   */
  #authenticate(
    packet: Buffer,
    request: Request,
    client: Client,
    answer: Answer,
    held: User | undefined,
  ): User | 'throttled' | undefined {
    const newNonce = (): string => this.#deps.nonces.create(client.endpoint.toString())
    if (request.integrityOffset === undefined) {
      answer.challenge(UNAUTHENTICATED, this.#realm, newNonce())
      return undefined
    }
    const [username, realm, nonce] = [ATTRIBUTE.username, ATTRIBUTE.realm, ATTRIBUTE.nonce].map(
      wanted => request.attributes.find(({ type }) => type === wanted)?.value,
    )
    if (typeof username !== 'string' || typeof nonce !== 'string' || realm === undefined) {
      answer.reject(...BAD_REQUEST)
      return undefined
    }
    const claim = { username, nonce, client: client.endpoint }
    const verdict = this.#authenticator.verify(packet, request.integrityOffset, claim, held)
    if (verdict === 'staleNonce') answer.challenge(STALE_NONCE, this.#realm, newNonce())
    else if (verdict === 'unauthorized') answer.challenge(UNAUTHENTICATED, this.#realm, newNonce())
    else return verdict
    return undefined
  }

  /** An authenticated request: our rules first, then node-turn's handler. */
  #decide(method: number, message: Message): void {
    const { answer, allocation, user } = message
    if (method === METHOD.allocate) this.#allocate(message)
    else if (!allocation) answer.reject(...MISMATCH)
    else if (allocation.user.username !== user.username) answer.reject(...WRONG_CREDENTIALS)
    else if (method === METHOD.refresh) this.#refresh(message, allocation)
    else if (method === METHOD.createPermission) this.#createPermission(message, allocation)
    else this.#channelBind(message, allocation)
  }

  #refresh(message: Message, allocation: Allocation): void {
    const rejection = this.#admission.refresh(message, allocation.sockets[0].relay)
    if (rejection) {
      message.answer.reject(...rejection)
      return
    }
    const asked = message.first(ATTRIBUTE.lifetime)
    message.lifetime = asked === 0 ? 0 : this.#admission.lifetime(asked)
    // On a stream nothing is repeated.
    const isLast = message.lifetime === 0 && message.client.transport === 'udp'
    if (isLast) this.#farewells.add(message.tuple, message.transactionID, allocation.user)
    this.#server.refresh.refresh(message, message.answer)
  }

  #createPermission(message: Message, allocation: Allocation): void {
    const rejection = this.#admission.createPermission(message, allocation.sockets[0].relay)
    if (rejection) message.answer.reject(...rejection)
    else this.#server.createPermission.createPermission(message, message.answer)
  }

  #channelBind(message: Message, allocation: Allocation): void {
    const [{ relay }] = allocation.sockets
    const rejection = this.#admission.channelBind(message, relay)
    if (rejection) {
      message.answer.reject(...rejection)
      return
    }
    relay.bindChannel(
      message.first(ATTRIBUTE.channelNumber) as number,
      message.first(ATTRIBUTE.xorPeerAddress) as Endpoint,
    )
    // It knows of no channels: those it once accepted would never expire for it.
    allocation.channelBindings = {}
    this.#server.channelBind.channelBind(message, message.answer)
  }

  #allocate(message: Message): void {
    const { answer, allocation } = message
    message.lifetime = this.#admission.lifetime(message.first(ATTRIBUTE.lifetime))
    const pending = this.#pending.get(message.tuple)
    if (pending !== undefined) {
      // The same request again has its answer under way.
      if (pending !== message.transactionID) answer.reject(...MISMATCH)
      return
    }
    if (allocation) {
      const isRepeated =
        allocation.transactionID === message.transactionID &&
        allocation.user.username === message.user.username
      if (isRepeated) {
        this.#announce(message, allocation.sockets[0])
        this.#server.allocate.allocate(message, answer)
      } else answer.reject(...MISMATCH)
      return
    }
    const rejection = this.#isDraining ? CAPACITY : this.#admission.allocate(message)
    if (rejection) answer.reject(...rejection)
    else this.#server.allocate.allocate(message, answer)
  }

  async #openRelay(message: Message): Promise<[RelayHandle]> {
    const { tuple, client, user, answer, lifetime = 0 } = message
    this.#pending.set(tuple, message.transactionID)
    try {
      const { relay, token } = await this.#allocator.open(message, client, user.username)
      const handle = { relay, lifetime, token, address: () => relay.relayed, on: () => {} }
      this.#announce(message, handle)
      return [handle]
    } catch (error) {
      // node-turn says 508 to anything that goes wrong here; what was said before stays.
      if (error instanceof Refused) answer.reject(...error.rejection)
      throw error
    } finally {
      this.#pending.delete(tuple)
    }
  }

  /** Adds to the answer to Allocate what node-turn knows nothing of. */
  #announce(message: Message, { relay, token }: RelayHandle): void {
    if (token) message.answer.add(ATTRIBUTE.reservationToken, token)
    if (message.first(ATTRIBUTE.additionalAddressFamily) === undefined) return
    // One family per allocation: who asks for two is told why it got one (RFC 8656 section 7.2).
    const second = relay.family === FAMILY.ipv4 ? FAMILY.ipv6 : FAMILY.ipv4
    const value = addressErrorValue(second, this.#admission.withoutSecond(second))
    message.answer.add(ATTRIBUTE.addressErrorCode, value)
  }
}
