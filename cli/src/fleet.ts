import { lookup } from 'node:dns/promises'
import { Directory, type Redis } from '@trunkline/kit'
import { SFU_DIRECTORY, type Sfu, SfuEntry } from '@trunkline/protocol'
import type { FleetMember, LocalSfu, SfuOptions } from '@trunkline/sfu'
import { Fleet } from '@trunkline/signalling'
import { announcedAddressFor } from './addresses.ts'
import type { Composition } from './platform.ts'
import { openRedis } from './redis.ts'
import { linkSecret } from './secrets.ts'

/** What the SFU processes of an installation find each other by, and signalling them. */
export type FleetGround = { redis: Redis; directory: Directory<SfuEntry> }

/**
 * Where SFU processes and signalling meet: in Redis, where there is one, unless the only SFU is named. On a connection of its
 * own: signalling's waits for messages most of the time.
 */
export const openFleet = async (
  composition: Pick<Composition, 'settings' | 'services' | 'logger' | 'lifecycle'>,
): Promise<FleetGround | undefined> => {
  const { settings, services, logger, lifecycle } = composition
  const finds = services.has('signalling') && !settings.SFU_URL
  if (!settings.REDIS_URL || !(services.has('sfu') || finds)) return undefined
  const redis = await openRedis(settings.REDIS_URL, composition)
  const directory = await Directory.open({ redis, name: SFU_DIRECTORY, schema: SfuEntry, logger })
  lifecycle.add('directory of SFUs', () => directory.close())
  return { redis, directory }
}

/** Where the other processes of the installation reach this one. */
const ownUrl = ({ settings, listenAddress, listener }: Composition): string => {
  if (settings.SFU_ANNOUNCED_URL) return settings.SFU_ANNOUNCED_URL
  const { protocol } = new URL(listener.origin)
  // Not ANNOUNCED_ADDRESS, which is the one behind which the others may be as well.
  const address = announcedAddressFor(listenAddress, undefined)
  const host = address.includes(':') ? `[${address}]` : address
  return `${protocol}//${host}:${listener.port}`
}

/**
 * What lets the SFU of this process have workers on the machines of others: where those are, and where its media reach this one,
 * which is where its links do.
 */
export const neighbourhood = async (
  composition: Composition,
  { directory }: FleetGround,
): Promise<Pick<SfuOptions, 'neighbours' | 'pipeAddress'>> => {
  const own = ownUrl(composition)
  const { hostname } = new URL(own)
  const found = await lookup(hostname.replaceAll(/[[\]]/g, ''), { order: 'ipv4first' }).catch(() => undefined)
  return {
    pipeAddress: found?.address,
    neighbours: {
      secret: linkSecret(composition.vault),
      // The one this process was before its last start is none either.
      list: () =>
        [...directory.members]
          .filter(([, { url }]) => url !== own)
          .map(([id, { url, load, capacity, draining }]) => ({ id, url, load: load / capacity, draining })),
      onChange: listener => directory.onChange(listener),
    },
  }
}

/** Makes the SFU of this process one of several. */
export const enterFleet = async (
  composition: Composition,
  ground: FleetGround,
  sfu: LocalSfu,
): Promise<FleetMember> => {
  // Loaded only where it runs.
  const { FleetMember } = await import('@trunkline/sfu')
  const { settings, listener, vault, logger } = composition
  if (settings.RTC_GUESTS > 0) sfu.hostWorkers(listener.server, linkSecret(vault))
  return new FleetMember({ ...ground, sfu, url: ownUrl(composition), logger })
}

/** All SFUs there are as one; the one of this process without a link. */
export const findFleet = (
  { vault, logger, lifecycle }: Pick<Composition, 'vault' | 'logger' | 'lifecycle'>,
  ground: FleetGround,
  own?: FleetMember,
): Sfu => {
  const fleet = new Fleet({
    ...ground,
    secret: linkSecret(vault),
    own: own && { id: own.id, sfu: own },
    logger,
  })
  lifecycle.add('links to the SFUs', () => fleet.close())
  return fleet
}
