import { type Call as CallInfo, type OpenedRoom, TrunklineError } from '@trunkline/protocol'
import type { Device } from 'mediasoup-client'
import { Call } from './call.ts'
import { CallSession, type SessionChoice } from './call-session.ts'
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
  /** What is ready for `join`, while the room is open and `prepare` was asked for. */
  #prepared: CallSession | undefined
  #preparing: Promise<void> | undefined

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

  /**
   * Connects to the call without joining it, so that joining takes one round trip. Where that is not possible, joining
   * does it.
   */
  async prepare(): Promise<void> {
    if (!this.#capabilities) return
    await this.#deps.devices.load(this.#capabilities)
    if (this.#prepared || this.own) return
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined
    })
    await this.#preparing
  }

  async #prepare(): Promise<void> {
    const { connection, room } = this.#deps
    const session = await CallSession.prepare(connection, room.id, await this.#loadDevice())
    if (this.own) return session.leave()
    this.#prepared = session
    const drop = () => {
      if (this.#prepared === session) this.#prepared = undefined
      session.close()
    }
    session.on('lost', () => {
      if (this.#prepared !== session) return
      drop()
      // The worker died, or what was the call ended: there is another, or will be.
      this.prepare().catch(() => undefined)
    })
    const stop = this.#deps.room.on('state', state => {
      if (this.#prepared !== session) return stop()
      if (state === 'open') return
      stop()
      // It went with the socket.
      drop()
      if (state === 'reconnecting') this.#prepareWhenOpen()
    })
    await session.start()
  }

  /** Lets go of what is prepared, or about to be. */
  async release(): Promise<void> {
    await this.#preparing?.catch(() => undefined)
    const prepared = this.#prepared
    this.#prepared = undefined
    await prepared?.leave()
  }

  #prepareWhenOpen(): void {
    this.#deps.room.opened().then(
      () => this.prepare().catch(() => undefined),
      () => undefined,
    )
  }

  /** @throws TrunklineError `conflict` for who is in it, and what joining throws */
  async join(options: JoinOptions): Promise<Call> {
    if (this.own) {
      throw new TrunklineError('conflict', 'You are in this call already: leave it before joining again.')
    }
    const { room, connection } = this.#deps
    const call = new Call({ room, connection, enter: choice => this.#enter(choice) }, options)
    this.#own = call
    await call.start()
    return call
  }

  /** Leaves it, for who is in it or was about to be. */
  async leave(): Promise<void> {
    const prepared = this.#prepared
    this.#prepared = undefined
    await Promise.all([this.#own?.leave(), prepared?.leave()])
  }

  async #enter(choice: SessionChoice): Promise<CallSession> {
    const { room, connection } = this.#deps
    const device = await this.#loadDevice()
    const prepared = this.#prepared
    this.#prepared = undefined
    // What was prepared receives already, and not through what opens it.
    const taken = choice.cipher ? undefined : prepared
    if (taken !== prepared) await prepared?.leave()
    const session = await CallSession.join(connection, room.id, device, choice, taken)
    if (session !== taken) taken?.close()
    return session
  }

  async #loadDevice(): Promise<Device> {
    await this.#deps.room.opened()
    return this.#deps.devices.load(this.#capabilities)
  }
}
