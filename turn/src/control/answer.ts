import type { KeyObject } from 'node:crypto'
import type { Counters, Refusal } from '../counters.ts'
import type { Client } from '../listeners/client.ts'
import type { Endpoint, Family } from '../stun/endpoint.ts'
import type { Request } from '../stun/packet-check.ts'
import { ATTRIBUTE, attribute, CLASS, encodeMessage, METHOD, uint32, xorAddressValue } from '../stun/stun.ts'
import { type Rejection, UNKNOWN_ATTRIBUTE } from './admission.ts'

const REFUSALS: ReadonlyMap<number, Refusal> = new Map([
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [420, 'unknownAttribute'],
  [437, 'mismatch'],
  [438, 'staleNonce'],
  [441, 'wrongCredentials'],
  [486, 'quota'],
  [500, 'internal'],
  [508, 'capacity'],
])

/** Who we are, without a version. Only those with a credential are told: to strangers an answer should be short. */
const SOFTWARE = attribute(ATTRIBUTE.software, Buffer.from('Trunkline'))

/** An address as node-turn and we ourselves hold it, in canonical spelling. */
type Address = Pick<Endpoint, 'address' | 'port'>

const errorValue = (code: number, reason: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, Math.floor(code / 100), code % 100]), Buffer.from(reason)])

/**
 * One answer, encoded here and sent once. Its method names are those node-turn's handlers call; what they add of
 * SOFTWARE and MESSAGE-INTEGRITY is left aside, because every answer gets its own.
 */
export class Answer {
  readonly #request: Request
  readonly #client: Client
  readonly #counters: Counters
  readonly #attributes: Buffer[] = []
  #key: KeyObject | undefined
  #isSent = false

  constructor(request: Request, client: Client, counters: Counters) {
    this.#request = request
    this.#client = client
    this.#counters = counters
  }

  /** From here on the user is known: the answer carries MESSAGE-INTEGRITY, whatever it says. */
  sign(key: KeyObject): void {
    this.#key = key
  }

  add(type: number, value: Buffer): void {
    this.#attributes.push(attribute(type, value))
  }

  addAddress(type: number, address: Address): void {
    this.add(type, xorAddressValue(address, this.#request.transactionId))
  }

  addAttribute(name: string, value?: unknown): void {
    if (name === 'xor-relayed-address') this.addAddress(ATTRIBUTE.xorRelayedAddress, value as Address)
    else if (name === 'xor-mapped-address') this.addAddress(ATTRIBUTE.xorMappedAddress, value as Address)
    else if (name === 'lifetime') this.add(ATTRIBUTE.lifetime, uint32(value as number))
  }

  resolve(): void {
    this.#send(CLASS.success, this.#attributes)
  }

  /** Does nothing once an answer is sent: node-turn says 508 after whatever kept a relay from being opened. */
  reject(code: number, reason: string): void {
    if (this.#isSent) return
    const isFirst = code === 401 && this.#request.integrityOffset === undefined
    this.#counters.refuse(isFirst ? 'challenged' : (REFUSALS.get(code) ?? 'badRequest'))
    const error = attribute(ATTRIBUTE.errorCode, errorValue(code, reason))
    this.#send(CLASS.error, [error, ...this.#attributes])
  }

  /** 401 or 438 with what the client needs to do better. */
  challenge([code, reason]: Rejection, realm: Buffer, nonce: string): void {
    this.#attributes.push(realm)
    this.add(ATTRIBUTE.nonce, Buffer.from(nonce))
    this.reject(code, reason)
  }

  /** 420 naming every attribute of the request we don't know. */
  rejectUnknown(): void {
    const types = Buffer.alloc(this.#request.unknown.length * 2)
    this.#request.unknown.forEach((type, index) => {
      types.writeUInt16BE(type, index * 2)
    })
    this.add(ATTRIBUTE.unknownAttributes, types)
    this.reject(...UNKNOWN_ATTRIBUTE)
  }

  #send(messageClass: number, attributes: Buffer[]): void {
    this.#isSent = true
    const { method, transactionId, fingerprint } = this.#request
    if (this.#key && (method === METHOD.allocate || method === METHOD.refresh)) attributes.push(SOFTWARE)
    this.#client.send(
      encodeMessage({ method, messageClass, transactionId, attributes, key: this.#key, fingerprint }),
    )
  }
}

/** ADDRESS-ERROR-CODE: why there is no relayed address of a second family. */
export const addressErrorValue = (family: Family, [code, reason]: Rejection): Buffer => {
  const value = errorValue(code, reason)
  value[0] = family
  return value
}
