import { type KeyObject, randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { paddingAfter } from '../listeners/frames.ts'
import { channelData } from '../stun/data-message.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import {
  ATTRIBUTE,
  attribute,
  CLASS,
  encodeMessage,
  HEADER_BYTES,
  integrityKey,
  METHOD,
  UDP_TRANSPORT,
  uint32,
  xorAddressValue,
} from '../stun/stun.ts'
import { type Answer, readAnswer } from './answer.ts'
import { openWire, type Wire, type WireOptions } from './wire.ts'

const RESEND_MS = 250

/** REQUESTED-TRANSPORT as every Allocate has it. */
export const REQUESTED_UDP = attribute(ATTRIBUTE.requestedTransport, Buffer.from([UDP_TRANSPORT, 0, 0, 0]))

type Waiting = { resolve(packet: Buffer): void; reject(error: Error): void }

/** A small TURN client: what the self-test needs, and what our tests drive the server with. */
export class TurnClient {
  readonly #server: Endpoint
  readonly #user: { username: string; password: string } | undefined
  readonly #wire: Wire
  #realm = ''
  #nonce = ''
  #isClosed = false
  readonly #waiting = new Map<string, Waiting>()
  readonly #arrived: Buffer[] = []
  /** Says `packet` for each that answers no request. */
  readonly #events = new EventEmitter()

  /** @throws Error when there is no connection in time; over UDP there is always one */
  static async create(
    server: Endpoint,
    user?: { username: string; password: string },
    options: WireOptions = {},
  ): Promise<TurnClient> {
    // Nothing comes before something was sent.
    let receive: (packet: Buffer) => void = () => {}
    const wire = await openWire(server, options, packet => receive(packet))
    const client = new TurnClient(wire, server, user)
    receive = packet => client.#receive(packet)
    return client
  }

  private constructor(
    wire: Wire,
    server: Endpoint,
    user: { username: string; password: string } | undefined,
  ) {
    this.#wire = wire
    this.#server = server
    this.#user = user
    void wire.closed.then(() => {
      this.#isClosed = true
      for (const { reject } of this.#waiting.values()) reject(this.#hungUp())
    })
  }

  /** What it sends from; behind the wildcard address only its port means something. */
  get local(): Endpoint {
    return this.#wire.local
  }

  /** Settles when the connection is closed, by either end. Over UDP that is this one. */
  get closed(): Promise<void> {
    return this.#wire.closed
  }

  /** The key of the long-term credential, once the server has told its realm. */
  get key(): KeyObject | undefined {
    return this.#user && this.#realm !== ''
      ? integrityKey(this.#user.username, this.#realm, this.#user.password)
      : undefined
  }

  get nonce(): string {
    return this.#nonce
  }

  /** Sends bytes as they are; nothing once closed. */
  raw(packet: Buffer): void {
    if (!this.#isClosed) this.#wire.send(packet)
  }

  /** Signs and sends one request, repeating it until answered; 401 and 438 are answered once with a new nonce. */
  async request(method: number, attributes: readonly Buffer[], timeoutMs = 3000): Promise<Answer> {
    const answer = await this.exchange(this.encode(method, attributes), timeoutMs)
    const nonce = answer.values.get(ATTRIBUTE.nonce)?.toString()
    if ((answer.code !== 401 && answer.code !== 438) || nonce === undefined || !this.#user) return answer
    const repeated = nonce === this.#nonce
    const had = this.#nonce !== '' && answer.code === 401
    this.#nonce = nonce
    this.#realm = answer.values.get(ATTRIBUTE.realm)?.toString() ?? ''
    return repeated || had ? answer : this.exchange(this.encode(method, attributes), timeoutMs)
  }

  /** A request with credentials as far as known. */
  encode(method: number, attributes: readonly Buffer[], transactionId: Buffer = randomBytes(12)): Buffer {
    const { key } = this
    const signing = key
      ? [
          attribute(ATTRIBUTE.username, Buffer.from(this.#user?.username ?? '')),
          attribute(ATTRIBUTE.realm, Buffer.from(this.#realm)),
          attribute(ATTRIBUTE.nonce, Buffer.from(this.#nonce)),
        ]
      : []
    const all = [...attributes, ...signing]
    return encodeMessage({ method, messageClass: CLASS.request, transactionId, attributes: all, key })
  }

  /** @throws Error when no answer comes in time, or the connection closes before */
  exchange(packet: Buffer, timeoutMs = 3000): Promise<Answer> {
    const id = packet.toString('hex', 8, 20)
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearInterval(resend)
        clearTimeout(timer)
        this.#waiting.delete(id)
      }
      const fail = (error: Error): void => {
        done()
        reject(error)
      }
      const resend = this.#wire.reliable ? undefined : setInterval(() => this.raw(packet), RESEND_MS)
      const late = `No answer from ${this.#server} within ${timeoutMs} ms`
      const timer = setTimeout(() => fail(new Error(late)), timeoutMs)
      const answered = (answer: Buffer): void => {
        done()
        resolve(readAnswer(answer, this.key))
      }
      this.#waiting.set(id, { resolve: answered, reject: fail })
      if (this.#isClosed) fail(this.#hungUp())
      else this.raw(packet)
    })
  }

  binding(timeoutMs?: number): Promise<Answer> {
    const packet = encodeMessage({
      method: METHOD.binding,
      messageClass: CLASS.request,
      transactionId: randomBytes(12),
      attributes: [],
    })
    return this.exchange(packet, timeoutMs)
  }

  allocate(extra: readonly Buffer[] = [], timeoutMs?: number): Promise<Answer> {
    return this.request(METHOD.allocate, [REQUESTED_UDP, ...extra], timeoutMs)
  }

  /** @param seconds 0 gives the allocation back */
  refresh(seconds?: number): Promise<Answer> {
    const lifetime = seconds === undefined ? [] : [attribute(ATTRIBUTE.lifetime, uint32(seconds))]
    return this.request(METHOD.refresh, lifetime)
  }

  permit(...peers: readonly Endpoint[]): Promise<Answer> {
    const id = randomBytes(12)
    return this.exchange(
      this.encode(
        METHOD.createPermission,
        peers.map(peer => attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, id))),
        id,
      ),
    )
  }

  bindChannel(number: number, peer: Endpoint): Promise<Answer> {
    const id = randomBytes(12)
    const channel = attribute(ATTRIBUTE.channelNumber, uint32(number * 0x10000))
    const address = attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, id))
    return this.exchange(this.encode(METHOD.channelBind, [channel, address], id))
  }

  send(peer: Endpoint, data: Buffer): void {
    const transactionId = randomBytes(12)
    this.raw(
      encodeMessage({
        method: METHOD.send,
        messageClass: CLASS.indication,
        transactionId,
        attributes: [
          attribute(ATTRIBUTE.xorPeerAddress, xorAddressValue(peer, transactionId)),
          attribute(ATTRIBUTE.data, data),
        ],
      }),
    )
  }

  sendChannel(number: number, data: Buffer): void {
    const packet = channelData(number, data)
    this.raw(this.#wire.reliable ? Buffer.concat([packet, paddingAfter(packet)]) : packet)
  }

  /** The next packet that answers no request. Rejects when none comes in time. */
  async packet(timeoutMs = 3000): Promise<Buffer> {
    if (this.#arrived.length === 0) {
      await once(this.#events, 'packet', { signal: AbortSignal.timeout(timeoutMs) })
    }
    return this.#arrived.shift() ?? this.packet(timeoutMs)
  }

  /** The next Data indication. */
  async data(timeoutMs = 3000): Promise<{ peer: Endpoint | undefined; data: Buffer | undefined }> {
    const answer = readAnswer(await this.packet(timeoutMs), undefined)
    return { peer: answer.address(ATTRIBUTE.xorPeerAddress), data: answer.values.get(ATTRIBUTE.data) }
  }

  /** Forgets what arrived unasked so far. */
  drain(): void {
    this.#arrived.length = 0
  }

  close(): void {
    this.#wire.close()
  }

  #receive(packet: Buffer): void {
    const waiting = packet.length >= HEADER_BYTES && this.#waiting.get(packet.toString('hex', 8, 20))
    if (waiting) {
      waiting.resolve(packet)
    } else {
      this.#arrived.push(packet)
      this.#events.emit('packet')
    }
  }

  #hungUp(): Error {
    return new Error(`The connection to ${this.#server} is closed`)
  }
}
