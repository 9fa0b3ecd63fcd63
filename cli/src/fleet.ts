import { Directory, type Redis } from '@trunkline/kit'
import { SFU_DIRECTORY, type Sfu, SfuEntry } from '@trunkline/protocol'
import type { FleetMember, LocalSfu } from '@trunkline/sfu'
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

/** Makes the SFU of this process one of several. */
export const enterFleet = async (
  { settings, listenAddress, listener, logger }: Composition,
  ground: FleetGround,
  sfu: LocalSfu,
): Promise<FleetMember> => {
  // Loaded only where it runs.
  const { FleetMember } = await import('@trunkline/sfu')
  const { protocol } = new URL(listener.origin)
  // Not ANNOUNCED_ADDRESS, which is the one behind which the others may be as well.
  const address = announcedAddressFor(listenAddress, undefined)
  const host = address.includes(':') ? `[${address}]` : address
  const url = settings.SFU_ANNOUNCED_URL ?? `${protocol}//${host}:${listener.port}`
  return new FleetMember({ ...ground, sfu, url, logger })
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
