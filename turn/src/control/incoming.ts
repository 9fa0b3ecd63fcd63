import type { User } from '../access/authenticator.ts'
import type { Client } from '../listeners/client.ts'
import type { Endpoint } from '../stun/endpoint.ts'
import type { AttributeValue, Request } from '../stun/packet-check.ts'
import { ATTRIBUTE } from '../stun/stun.ts'
import type { Asked } from './admission.ts'
import type { Answer } from './answer.ts'

/** The 5-tuple without "UDP to peers", which all share: both ends, and how the client reaches us. */
export const tupleOf = ({ transport, endpoint, local }: Client): string => `${transport} ${endpoint}>${local}`

/**
 * Attributes by node-turn's names for them. Some it is not told of: EVEN-PORT, for which it binds the client's own port
 * number, and RESERVATION-TOKEN, which it looks for where it never puts one. Both are settled before and after it.
 */
const TYPES: ReadonlyMap<string, number> = new Map([
  ['channel-number', ATTRIBUTE.channelNumber],
  ['requested-transport', ATTRIBUTE.requestedTransport],
  ['xor-peer-address', ATTRIBUTE.xorPeerAddress],
])

/** An authenticated request in the form node-turn's handlers read. */
export class Incoming<Allocation> implements Asked {
  readonly client: Client
  readonly tuple: string
  readonly transactionID: string
  readonly user: User
  readonly server: object
  readonly transport: { src: Endpoint; get5Tuple(): string; revert(): unknown }
  allocation: Allocation | null
  readonly answer: Answer
  /** The lifetime we grant, in seconds: node-turn is told of no other. */
  lifetime: number | undefined
  readonly #attributes: Request['attributes']

  constructor(of: {
    server: object
    request: Request
    client: Client
    answer: Answer
    tuple: string
    user: User
    allocation: Allocation | undefined
  }) {
    this.server = of.server
    this.client = of.client
    this.answer = of.answer
    this.tuple = of.tuple
    this.transactionID = of.request.transactionId.toString('hex')
    this.user = of.user
    this.allocation = of.allocation ?? null
    this.#attributes = of.request.attributes
    this.transport = {
      src: of.client.endpoint,
      get5Tuple: () => this.tuple,
      revert: () => this.transport,
    }
  }

  debug(): void {}

  /** The first of the type: further ones are to be ignored (RFC 8489 section 14). */
  first(type: number): AttributeValue | undefined {
    return this.#attributes.find(attribute => attribute.type === type)?.value
  }

  all(type: number): AttributeValue[] {
    return this.#attributes.filter(attribute => attribute.type === type).map(({ value }) => value)
  }

  getAttribute(name: string): AttributeValue | undefined {
    return name === 'lifetime' ? this.lifetime : this.first(TYPES.get(name) ?? 0)
  }

  getAttributes(name: string): AttributeValue[] {
    return this.all(TYPES.get(name) ?? 0)
  }
}
