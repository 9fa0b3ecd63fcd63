import { Credentials } from './access/credentials.ts'
import { type Limits, resolveLimits } from './limits.ts'
import { canonicalAddress, Endpoint } from './stun/endpoint.ts'
import type { TurnOptions } from './turn.ts'

/** The options of a server, understood. */
export type Setting = {
  limits: Limits
  credentials: Credentials
  /** What clients and peers are told, port left open: one of each family at most. */
  announced: readonly Endpoint[]
  range: { min: number; max: number }
}

/** Where the platform's announced addresses come from. */
const SETTINGS = 'TURN_ADDRESSES (or ANNOUNCED_ADDRESS, where that is not set)'

const WILDCARDS = new Set(['0.0.0.0', '0:0:0:0:0:0:0:0'])

/** What clients are told to reach; a wildcard can't be. */
const announce = (listen: string, announced: readonly string[]): Endpoint[] => {
  const endpoints = (announced.length > 0 ? announced : [listen]).map(text => {
    const address = canonicalAddress(text)
    if (address === undefined) {
      throw new TypeError(`${SETTINGS} is "${text}", which is not an IP address such as 203.0.113.7`)
    }
    if (WILDCARDS.has(address)) {
      throw new TypeError(
        `TURN listens on ${listen} and can't announce ${address}: set ${SETTINGS} to the IP address clients reach it at`,
      )
    }
    return new Endpoint(address, 0)
  })
  if (new Set(endpoints.map(({ family }) => family)).size < endpoints.length) {
    throw new TypeError(
      `TURN can announce one address of each family, not ${announced.join(' and ')}: correct ${SETTINGS}`,
    )
  }
  return endpoints
}

const assertAddress = (listen: string): void => {
  if (canonicalAddress(listen) === undefined) {
    throw new TypeError(
      `TURN can't listen on "${listen}": give an IP address, for example 127.0.0.1 or 0.0.0.0`,
    )
  }
}

/** Where relay sockets are bound: as the listeners, in the family that is announced. */
export const relayAddress = (listen: string, announced: Endpoint): string => {
  if (listen === '::' || WILDCARDS.has(listen)) return announced.address.includes(':') ? '::' : '0.0.0.0'
  if (new Endpoint(listen, 0).family !== announced.family) {
    throw new TypeError(
      `TURN listens on ${listen} but announces ${announced.address} of the other family: set HOST to ::, or correct ${SETTINGS}`,
    )
  }
  return listen
}

/** @throws TypeError saying which option makes no sense */
export const readOptions = (options: TurnOptions): Setting => {
  if (!/^[\x21-\x7e]{1,127}$/.test(options.realm)) {
    throw new TypeError('The TURN realm must be 1 to 127 ASCII characters')
  }
  assertAddress(options.listenAddress)
  return {
    limits: resolveLimits(options.limits),
    credentials: new Credentials(options.secrets),
    announced: announce(options.listenAddress, options.announcedAddresses ?? []),
    range: { min: options.relayPortMin, max: options.relayPortMax },
  }
}
