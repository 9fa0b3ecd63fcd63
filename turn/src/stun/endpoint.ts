import { isIPv4, isIPv6 } from 'node:net'

export const FAMILY = { ipv4: 1, ipv6: 2 } as const
export type Family = (typeof FAMILY)[keyof typeof FAMILY]

/** IPv6 text as eight hexadecimal groups without `::`, so that equal addresses are equal strings. */
const expandIPv6 = (text: string): string => {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  const hex = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : text
  const [left = '', right] = hex.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const zeros = right === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].map(group => Number.parseInt(group, 16).toString(16)).join(':')
}

/** @returns the address in the one spelling used as a key everywhere here, or undefined when it is none */
export const canonicalAddress = (text: string): string | undefined => {
  if (isIPv4(text)) return text
  const bare = text.split('%', 1)[0] ?? ''
  return isIPv6(bare) ? expandIPv6(bare) : undefined
}

/** The 4 or 16 bytes of a canonical address. */
export const addressBytes = (address: string): Buffer => {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const bytes = Buffer.alloc(16)
  address.split(':').forEach((group, index) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2)
  })
  return bytes
}

/** An IP address and a port, spelled canonically. */
export class Endpoint {
  readonly family: Family
  readonly address: string
  readonly port: number

  /** @throws TypeError when `text` is no IP address */
  constructor(text: string, port: number) {
    const address = canonicalAddress(text)
    if (address === undefined) throw new TypeError(`"${text}" is not an IP address`)
    this.family = address.includes(':') ? FAMILY.ipv6 : FAMILY.ipv4
    this.address = address
    this.port = port
  }

  toString(): string {
    return this.family === FAMILY.ipv4 ? `${this.address}:${this.port}` : `[${this.address}]:${this.port}`
  }
}
