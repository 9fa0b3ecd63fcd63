import { isIP, isIPv4 } from 'node:net'
import { isLoopback, ownAddresses } from '../addresses.ts'
import { type Check, failed, ok, warning } from './check.ts'

const isPrivate = (address: string): boolean =>
  isIPv4(address) &&
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
    address,
  )

/** The address that browsers are told to send media to is one they can reach. */
export const address: Check = {
  name: 'address',
  run: async ({ settings, announcedAddress }) => {
    const { HOST } = settings
    if (!isIP(announcedAddress)) {
      return failed(
        `ANNOUNCED_ADDRESS ${announcedAddress} is a name`,
        'set ANNOUNCED_ADDRESS to the IP address browsers reach',
      )
    }
    if (isLoopback(announcedAddress)) {
      return isLoopback(HOST)
        ? ok(`${announcedAddress}: for browsers on this machine only`)
        : failed(
            `listening on ${HOST} but announcing ${announcedAddress}, which means "this machine" to every browser`,
            'set ANNOUNCED_ADDRESS to an address browsers can reach',
          )
    }
    if (isPrivate(announcedAddress)) {
      return warning(
        `${announcedAddress} is private: calls work inside this network only`,
        'for browsers elsewhere set ANNOUNCED_ADDRESS to the public address',
      )
    }
    const own = ownAddresses().includes(announcedAddress)
    return ok(
      `${announcedAddress}${own ? '' : ', which is not on this machine: its router must pass the media ports on'}`,
    )
  },
}
