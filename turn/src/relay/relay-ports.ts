import { randomInt } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { bindUdpSocket } from './udp-socket.ts'

/** Ports of the range taken by other programs that one allocation may stumble over. */
const MAX_TRIES = 64

/** What the port is to be: EVEN-PORT without its R bit asks for an even one, with it for the next one as well. */
export type PortWish = 'any' | 'even' | 'pair'

/** A socket, and for a pair the one at the next port. */
export type BoundPorts = { socket: Socket; next?: Socket }

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

  /** @throws Error when no such port can be bound */
  async bind(wish: PortWish = 'any'): Promise<BoundPorts> {
    const size = this.#max - this.#min + 1
    let offset = randomInt(size)
    let tries = 0
    for (let seen = 0; tries < MAX_TRIES && (this.#min === 0 || seen < size); seen++) {
      const port = this.#min + offset
      offset = (offset + 1) % size
      if (port !== 0 && !this.#maySuit(port, wish)) continue
      tries++
      const socket = await this.#take(port)
      if (!socket) continue
      const bound = socket.address().port
      if (wish === 'any' || (wish === 'even' && bound % 2 === 0)) return { socket: this.#freeLater(socket) }
      const next = wish === 'pair' && bound % 2 === 0 ? await this.#take(bound + 1) : undefined
      if (next) return { socket: this.#freeLater(socket), next: this.#freeLater(next) }
      this.#used.delete(bound)
      socket.close()
    }
    throw new Error(`No free relay port in ${this.#min}-${this.#max}`)
  }

  #maySuit(port: number, wish: PortWish): boolean {
    if (this.#used.has(port) || (wish !== 'any' && port % 2 === 1)) return false
    return wish !== 'pair' || (port < this.#max && !this.#used.has(port + 1))
  }

  /** Binds the port, or any when it is 0, unless somebody has it. */
  async #take(port: number): Promise<Socket | undefined> {
    if (this.#used.has(port)) return undefined
    // Noted before the wait, so that two allocations at once don't try the same port.
    if (port !== 0) this.#used.add(port)
    const socket = await bindUdpSocket(this.#address, port).catch(() => undefined)
    if (!socket) {
      this.#used.delete(port)
      return undefined
    }
    this.#used.add(socket.address().port)
    return socket
  }

  #freeLater(socket: Socket): Socket {
    const { port } = socket.address()
    return socket.once('close', () => this.#used.delete(port))
  }
}
