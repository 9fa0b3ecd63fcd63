import { randomInt } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { bindUdpSocket } from './udp-socket.ts'

/** Ports of the range taken by other programs that one allocation may stumble over. */
const MAX_TRIES = 64

/** The range relay sockets are bound in, from a random place each: RFC 6056 makes guessing them expensive. */
export class RelayPorts {
  readonly #address: string
  readonly #min: number
  readonly #max: number
  readonly #used = new Set<number>()

  /** @param range both 0 lets the system choose (tests, one-machine installs without a firewall) */
  constructor(address: string, range: { min: number; max: number }) {
    const { min, max } = range
    const anyPort = min === 0 && max === 0
    const sound = Number.isInteger(min) && Number.isInteger(max) && min >= 1024 && max <= 65_535 && min <= max
    if (!anyPort && !sound) {
      throw new TypeError(`The relay port range ${min}-${max} must lie within 1024-65535, lower end first`)
    }
    this.#address = address
    this.#min = min
    this.#max = max
  }

  get used(): ReadonlySet<number> {
    return this.#used
  }

  /**
   * @param even whether only even ports will do (EVEN-PORT, for clients that pair RTP with RTCP)
   * @throws Error when no port can be bound
   */
  async bind(even = false): Promise<Socket> {
    const size = this.#max - this.#min + 1
    let offset = randomInt(size)
    let tries = 0
    for (let seen = 0; tries < MAX_TRIES && (this.#min === 0 || seen < size); seen++) {
      const port = this.#min + offset
      offset = (offset + 1) % size
      if (port !== 0 && (this.#used.has(port) || (even && port % 2 === 1))) continue
      tries++
      // Taken before the wait, so that two allocations at once don't try the same port.
      this.#used.add(port)
      const socket = await bindUdpSocket(this.#address, port).catch(() => undefined)
      this.#used.delete(port)
      if (!socket) continue
      const bound = socket.address().port
      if (!even || bound % 2 === 0) return this.#use(socket, bound)
      socket.close()
    }
    throw new Error(`No free relay port in ${this.#min}-${this.#max}`)
  }

  #use(socket: Socket, port: number): Socket {
    this.#used.add(port)
    socket.once('close', () => this.#used.delete(port))
    return socket
  }
}
