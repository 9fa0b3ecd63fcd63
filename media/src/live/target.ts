import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isPublicAddress } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'

/** Where a stream is sent, its name looked up: what was found is what is connected to. */
export type Target = {
  isSecure: boolean
  host: string
  /** An IP address. */
  address: string
  port: number
  app: string
  /** The last part of the address: mostly a secret. */
  key: string
}

const PORTS = { 'rtmp:': 1_935, 'rtmps:': 443 } as const

/**
 * Looks up where an address leads.
 * @param allowsPrivate whether it may lead into the operator's own network
 * @throws TrunklineError `forbidden` where it may not; `invalid_request` for a name that nobody knows
 */
export const findTarget = async (url: string, allowsPrivate: boolean): Promise<Target> => {
  const { protocol, hostname, port, pathname, search } = new URL(url)
  const isSecure = protocol === 'rtmps:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(host)
    ? [host]
    : await lookup(host, { all: true }).then(
        found => found.map(({ address }) => address),
        () => [],
      )
  const [address] = addresses
  if (address === undefined)
    throw new TrunklineError('invalid_request', `Nobody knows the host ${host} that the stream is to go to.`)
  // One that is not makes the whole name suspect.
  if (!allowsPrivate && !addresses.every(isPublicAddress)) {
    throw new TrunklineError(
      'forbidden',
      `Streams may not be sent to ${host}: it is not on the public internet. Whoever runs this server may allow it (LIVE_PRIVATE_TARGETS).`,
    )
  }
  const path = `${pathname.slice(1)}${search}`
  // Without a key all of it is the app.
  const cut = pathname.includes('/', 1) ? pathname.slice(1).lastIndexOf('/') : path.length
  return {
    isSecure,
    host,
    address,
    port: port === '' ? PORTS[isSecure ? 'rtmps:' : 'rtmp:'] : Number(port),
    app: path.slice(0, cut),
    key: path.slice(cut + 1),
  }
}
