import { type Call as CallInfo, type OpenedRoom, TrunklineError } from '@trunkline/protocol'
import type { Device } from 'mediasoup-client'
import { Call } from './call.ts'
import type { Connection } from './connection.ts'
import type { DeviceLoader } from './device-loader.ts'
import type { JoinOptions } from './join-options.ts'
import type { Room } from './room.ts'

export type RoomCallDeps = {
  room: Room
  connection: Connection
  devices: DeviceLoader
  /** Called after each change of `live`. */
  changed: (live: CallInfo | null) => void
}

/** The call of a room: what the server says of it, and one's own part in it. */
export class RoomCall {
  readonly #deps: RoomCallDeps
  #capabilities: OpenedRoom['routerRtpCapabilities'] = null
  #live: CallInfo | null = null
  #own: Call | undefined

  constructor(deps: RoomCallDeps) {
    this.#deps = deps
  }

  /** As the server sees it, joined by us or not; null when there is none. */
  get live(): CallInfo | null {
    return this.#live
  }

  /** One's own part in it, while one is in it. */
  get own(): Call | undefined {
    return this.#own?.state === 'left' ? undefined : this.#own
  }

  /** Whether this server can carry calls. */
  get isPossible(): boolean {
    return this.#capabilities !== null
  }

  opened({ call, routerRtpCapabilities }: OpenedRoom): void {
    this.#capabilities = routerRtpCapabilities
    this.setLive(call)
  }

  setLive(call: CallInfo | null): void {
    this.#live = call
    this.#deps.changed(call)
  }

  async prepare(): Promise<void> {
    if (this.#capabilities) await this.#deps.devices.load(this.#capabilities)
  }

  /** @throws TrunklineError `conflict` for who is in it, and what joining throws */
  async join(options: JoinOptions): Promise<Call> {
    if (this.own) {
      throw new TrunklineError('conflict', 'Already in this call; leave it before joining again')
    }
    const { room, connection } = this.#deps
    const call = new Call({ room, connection, loadDevice: () => this.#loadDevice() }, options)
    this.#own = call
    await call.start()
    return call
  }

  /** Leaves it, for who is in it. */
  async leave(): Promise<void> {
    await this.#own?.leave()
  }

  async #loadDevice(): Promise<Device> {
    await this.#deps.room.opened()
    if (!this.#capabilities) throw new TrunklineError('unavailable', 'This server carries no calls')
    return this.#deps.devices.load(this.#capabilities)
  }
}
