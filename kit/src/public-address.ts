import { BlockList } from 'node:net'

/** Addresses that are nobody's on the open internet, or somebody's innermost: IANA's special-purpose list. */
const NOT_PUBLIC_IPV4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Azure's metadata and DNS service, the one such address outside every special-purpose block.
  ['168.63.129.16', 32],
]

/** Exceptions within 2000::/3; everything outside it is refused as a whole (mapped, NAT64, ULA, multicast). */
const NOT_PUBLIC_IPV6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
]

/**
 * ISATAP (RFC 5214): an IPv4 address, private ones too, in the last 32 bits behind anybody's prefix. The zeros before it may be left
 * out.
 */
const ISATAP = /:(?:0|[1-3]00)?:5efe:[0-9a-f]+:[0-9a-f]+$/

/** An IPv4 address in the clothes of IPv6 is still one. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

const blocked = new BlockList()
for (const [network, prefix] of NOT_PUBLIC_IPV4) blocked.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of NOT_PUBLIC_IPV6) blocked.addSubnet(network, prefix, 'ipv6')

/** @param text an address of IPv4 or IPv6, in whichever spelling: resolvers leave zeros out, TURN writes all of them */
export const isPublicAddress = (text: string): boolean => {
  const address = MAPPED.exec(text)?.[1] ?? text.toLowerCase()
  if (!address.includes(':')) return !blocked.check(address, 'ipv4')
  const first = Number.parseInt(address, 16)
  return first >= 0x2000 && first <= 0x3fff && !ISATAP.test(address) && !blocked.check(address, 'ipv6')
}
