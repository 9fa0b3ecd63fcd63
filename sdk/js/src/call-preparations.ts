import type { OpenedRoom, ResponseData } from '@trunkline/protocol'
import type { Device } from 'mediasoup-client'
import { CallPreparation } from './call-preparation.ts'
import type { Connection } from './connection.ts'
import type { DeviceLoader } from './device-loader.ts'
import { CallEncryption, type EncryptionOptions } from './encryption/call-encryption.ts'

type Deps = {
  connection: Connection
  devices: DeviceLoader
  /** Whether one is in the call of a room, or about to be. */
  isIn: (roomId: string) => boolean
}

/** What is prepared for calls, by room, and what has to be known for that: who one is, and what the server can route. */
export class CallPreparations {
  readonly #deps: Deps
  readonly #byRoom = new Map<string, CallPreparation>()
  /** Without calls it is asked for again: the server may only not have reached its SFU. */
  #known: ResponseData<'call:capabilities'> | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** That of a room: the same one each time. */
  of(roomId: string): CallPreparation {
    const known = this.#byRoom.get(roomId)
    if (known) return known
    const { connection, isIn } = this.#deps
    const preparation = new CallPreparation({
      roomId,
      connection,
      device: () => this.#deviceIfAny(),
      makeCipher: options => this.makeCipher(roomId, options),
      isIn: () => isIn(roomId),
    })
    this.#byRoom.set(roomId, preparation)
    return preparation
  }

  /** A room that opens says all there is to know. */
  learn({ me, routerRtpCapabilities }: OpenedRoom): void {
    this.#known = { userId: me.user.id, routerRtpCapabilities }
  }

  /** @throws TrunklineError `unavailable` where this server or this browser carries no calls; why the connection was refused */
  async device(): Promise<Device> {
    const { routerRtpCapabilities } = await this.#ask()
    return this.#deps.devices.load(routerRtpCapabilities)
  }

  async makeCipher(roomId: string, options: EncryptionOptions): Promise<CallEncryption> {
    const { userId } = await this.#ask()
    return CallEncryption.create(options, { roomId, userId })
  }

  close(): void {
    for (const preparation of this.#byRoom.values()) preparation.close()
    this.#byRoom.clear()
  }

  async #deviceIfAny(): Promise<Device | undefined> {
    const { routerRtpCapabilities } = await this.#ask()
    return routerRtpCapabilities ? this.#deps.devices.load(routerRtpCapabilities) : undefined
  }

  async #ask(): Promise<ResponseData<'call:capabilities'>> {
    const { connection } = this.#deps
    if (connection.state !== 'connected') await connection.connect()
    if (!this.#known?.routerRtpCapabilities) this.#known = await connection.request('call:capabilities', {})
    return this.#known
  }
}
