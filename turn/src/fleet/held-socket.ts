import { isIPv6 } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { bindError } from '../listeners/bind-error.ts'

/** What libuv's binding gives; dgram wraps it, but reads from whatever it wraps. */
type UdpHandle = {
  readonly fd: number
  /** Returns 0 or a negative error number. */
  bind(address: string, port: number, flags: number): number
  bind6(address: string, port: number, flags: number): number
  close(): void
}

type UdpBinding = {
  UDP: new () => UdpHandle
  constants: { UV_UDP_IPV6ONLY: number; UV_UDP_REUSEPORT: number }
}

/**
 * A UDP socket bound with SO_REUSEPORT that this process keeps open and never reads: its file descriptor is for a child
 * to read. docs/decisions/turn-processes.md says why, and why Node's inner binding is the way to have one.
 */
export class HeldSocket {
  readonly #handle: UdpHandle

  /** @throws Error with one clear sentence when the port can't be bound */
  constructor(address: string, port: number) {
    const { binding } = process as unknown as { binding(name: 'udp_wrap'): UdpBinding }
    const { UDP, constants } = binding('udp_wrap')
    this.#handle = new UDP()
    const code = isIPv6(address)
      ? this.#handle.bind6(address, port, constants.UV_UDP_IPV6ONLY | constants.UV_UDP_REUSEPORT)
      : this.#handle.bind(address, port, constants.UV_UDP_REUSEPORT)
    if (code === 0) return
    this.#handle.close()
    const name = getSystemErrorName(code)
    throw bindError(Object.assign(new Error(name), { code: name }), 'udp', address, port)
  }

  get fd(): number {
    return this.#handle.fd
  }

  close(): void {
    this.#handle.close()
  }
}
