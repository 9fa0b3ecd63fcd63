import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'

/** Somebody wants us to connect to where outsiders have no business. For people. */
export class PrivateTarget extends Error {}

const refused = (host: string) =>
  new PrivateTarget(
    `${host} is not on the public internet. Whoever runs this server may allow it (WEBHOOK_PRIVATE_TARGETS, for pushes PUSH_PRIVATE_TARGETS).`,
  )

/** @throws TrunklineError `forbidden` for a target that is written out as an address of the operator's own network */
export const assertTarget = (url: string, allowsPrivate: boolean): void => {
  if (allowsPrivate) return
  try {
    assertPublic(new URL(url).hostname)
  } catch (error) {
    throw new TrunklineError('forbidden', (error as Error).message)
  }
}

/**
 * Checks an address that is written out, which nobody looks up.
 * @throws PrivateTarget
 */
export const assertPublic = (hostname: string): void => {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) && !isPublicAddress(host)) throw refused(host)
}

/**
 * Looks names up as Node does, and refuses those that lead into the operator's own network. What was checked is what is
 * connected to: a name that says something else a moment later is not asked again.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...(options as LookupOptions), all: true }, (error, found: LookupAddress[]) => {
    if (error) return callback(error, '', 0)
    // One that is not makes the whole name suspect.
    if (!found.every(({ address }) => isPublicAddress(address))) {
      return callback(refused(hostname), '', 0)
    }
    const [first] = found
    if ((options as LookupOptions).all) return callback(null, found)
    callback(null, first?.address ?? '', first?.family ?? 0)
  })
}
