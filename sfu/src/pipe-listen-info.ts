import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { types } from 'mediasoup'
import { addressesOf, type Interfaces } from './listen-infos.ts'

export type PipeListening = {
  listenAddress: string
  announcedAddress?: string | undefined
  /** Where other SFU machines reach this one. Default: as clients do, where that is an IP address. */
  pipeAddress?: string | undefined
  pipePorts: { min: number; max: number }
}

/**
 * What a worker listens on for media that come from workers of other machines. It takes packets from the address it was told
 * only, so it sends from the one it is reached at, where that is an address of this machine.
 */
export const pipeListenInfoFor = (
  { listenAddress, announcedAddress, pipeAddress, pipePorts }: PipeListening,
  interfaces: Interfaces = networkInterfaces(),
): types.TransportListenInfo => {
  const portRange = { ...pipePorts }
  const isWildcard = listenAddress === '0.0.0.0' || listenAddress === '::'
  const announced = pipeAddress ?? (announcedAddress && isIP(announcedAddress) ? announcedAddress : undefined)
  const isOwn = Object.values(interfaces).some(list => list?.some(({ address }) => address === announced))
  if (announced && isOwn) return { protocol: 'udp', ip: announced, portRange }
  const ip =
    isWildcard && !announced ? (addressesOf(listenAddress, interfaces)[0] ?? listenAddress) : listenAddress
  return { protocol: 'udp', ip, portRange, ...(announced ? { announcedAddress: announced } : {}) }
}

/** The same between workers of one machine, whatever stands around it. */
export const neighbourlyListenInfo = ({ pipePorts }: PipeListening): types.TransportListenInfo => ({
  protocol: 'udp',
  ip: '127.0.0.1',
  portRange: { ...pipePorts },
})
