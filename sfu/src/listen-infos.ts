import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { types } from 'mediasoup'

/** The engine takes at most this many listen infos for one port, two (UDP, TCP) for each address. */
const MAX_ADDRESSES = 8

export type Interfaces = ReturnType<typeof networkInterfaces>

/**
 * Addresses of this machine a wildcard stands for: an ICE candidate must be an address somebody can reach, and
 * "0.0.0.0" is not. IPv6 link-local ones need a scope and are left out.
 */
export const addressesOf = (wildcard: string, interfaces: Interfaces): string[] => {
  const all = Object.values(interfaces).flatMap(list => list ?? [])
  const usable = all.filter(
    entry => entry.family === 'IPv4' || (isIPv6(wildcard) && !/^fe80:/i.test(entry.address)),
  )
  // Addresses others can reach first: candidates are tried in this order.
  usable.sort((a, b) => Number(a.internal) - Number(b.internal))
  return usable.map(entry => entry.address).slice(0, MAX_ADDRESSES)
}

/**
 * What a worker listens on: UDP and TCP on one port of each address.
 * @param listenAddress an address of this machine, or `0.0.0.0` / `::` for all of them
 * @param announcedAddress what clients are told instead, for a machine behind NAT (an address or a host name);
 *   a loopback address is always announced as it is
 */
export const listenInfosFor = (options: {
  listenAddress: string
  announcedAddress?: string | undefined
  port: number
  interfaces?: Interfaces
}): types.TransportListenInfo[] => {
  const { listenAddress, announcedAddress, port, interfaces = networkInterfaces() } = options
  const isWildcard = listenAddress === '0.0.0.0' || listenAddress === '::'
  const isLoopback = listenAddress.startsWith('127.') || listenAddress === '::1'
  const announced = isLoopback ? undefined : announcedAddress
  const addresses = isWildcard && !announced ? addressesOf(listenAddress, interfaces) : [listenAddress]
  return addresses.flatMap(ip =>
    (['udp', 'tcp'] as const).map(protocol => ({
      protocol,
      ip,
      port,
      ...(announced ? { announcedAddress: announced } : {}),
    })),
  )
}
