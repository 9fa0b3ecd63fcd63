import { lookup } from 'node:dns/promises'
import { isIP, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { ConfigError } from '@trunkline/kit'

/** Whether an address is only reachable from this machine. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))

/** Addresses of this machine on its networks, IPv4 first. */
export const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap(list => list ?? [])
    .filter(entry => !entry.internal && !entry.address.startsWith('fe80:'))
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(entry => entry.address)

/** The address that browsers are told to send media to. */
export const announcedAddressFor = (host: string, configured: string | undefined): string => {
  if (configured) return configured
  if (isLoopback(host)) return '127.0.0.1'
  if (host !== '0.0.0.0' && host !== '::') return host
  return ownAddresses()[0] ?? '127.0.0.1'
}

/**
 * The IP address to listen on.
 * @throws ConfigError when HOST names nothing
 */
export const resolveHost = async (host: string): Promise<string> => {
  if (isIP(host)) return host
  const found = await lookup(host, { order: 'ipv4first' }).catch(() => undefined)
  if (found) return found.address
  throw new ConfigError(
    `HOST ${host} is neither an IP address nor a name of this machine. Use 127.0.0.1, or 0.0.0.0 for all of them.`,
  )
}
