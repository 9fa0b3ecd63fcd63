import type { Transport } from '../stun/transport.ts'

/** A port that can't be had, told in one sentence its operator can act on; `cause` is what the system said. */
export const bindError = (
  cause: NodeJS.ErrnoException,
  transport: Transport,
  address: string,
  port: number,
): Error => {
  const [where, setting] =
    transport === 'tls'
      ? [`TCP port ${port} on ${address} for TLS`, 'TURN_TLS_PORTS']
      : [`${transport.toUpperCase()} port ${port} on ${address}`, 'TURN_PORT']
  return new Error(sentence(cause, where, setting, address), { cause })
}

const sentence = (cause: NodeJS.ErrnoException, where: string, setting: string, address: string): string => {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `${where} is already in use: stop the other program or choose another ${setting}`
    case 'EACCES':
      return `${where} needs more rights than this process has: choose a ${setting} above 1023, or give it the capability CAP_NET_BIND_SERVICE`
    case 'EADDRNOTAVAIL':
      return `${address} is not an address of this machine, so TURN can't listen on it`
    case 'EAFNOSUPPORT':
      return `This machine has no ${address.includes(':') ? 'IPv6' : 'IPv4'}, so TURN can't listen on ${address}`
    case 'ENOTSUP':
      return `This system can't share ${where} between processes: set TURN_PROCESSES to 1`
    default:
      return `TURN can't listen on ${where}: ${cause.message}`
  }
}
