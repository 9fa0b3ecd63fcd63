import { type Call as CallInfo, type OpenedRoom, TrunklineError } from '@trunkline/protocol'
import type { Device } from 'mediasoup-client'
import { Call } from './call.ts'
import { CallSession, type SessionChoice } from './call-session.ts'
import type { Connection } from './connection.ts'
import type { DeviceLoader } from './device-loader.ts'
import { CallEncryption, type EncryptionOptions, isSameEncryption } from './encryption/call-encryption.ts'
import type { JoinOptions } from './join-options.ts'
import type { Room } from './room.ts'

export type RoomCallDeps = {
  room: Room
  connection: Connection
  devices: DeviceLoader
  /** Called after each change of `live`. */
  changed: (live: CallInfo | null) => void
}

/** What a call is to be joined with, as far as it has to be known before. */
export type PrepareOptions = { encryption?: JoinOptions['encryption'] | undefined }

/** Connected, and not joined. */
type Prepared = {
  session: CallSession
  encryption: EncryptionOptions | undefined
  cipher: CallEncryption | undefined
  /** A call seals with the cipher by now. */
  isTaken: boolean
}

/** The call of a room: what the server says of it, and one's own part in it. */
export class RoomCall {
  readonly #deps: RoomCallDeps
  #capabilities: OpenedRoom['routerRtpCapabilities'] = null
  #live: CallInfo | null = null
  #own: Call | undefined
  /** What is ready for `join`, while the room is open and `prepare` was asked for. */
  #prepared: Prepared | undefined
  #preparing: { done: Promise<void>; encryption: EncryptionOptions | undefined } | undefined

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

  /** Whether everything is connected for joining. */
  get isPrepared(): boolean {
    return this.#prepared !== undefined
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
   * does it. What is received by is set up with the encryption from the start: a later one gets no frames.
   */
  async prepare({ encryption }: PrepareOptions = {}): Promise<void> {
    if (!this.#capabilities) return
    await this.#deps.devices.load(this.#capabilities)
    const before = this.#preparing ?? this.#prepared
    if (before && !isSameEncryption(before.encryption, encryption)) await this.release()
    if (this.#prepared || this.own) return
    this.#preparing ??= {
      encryption,
      done: this.#prepare(encryption).finally(() => {
        this.#preparing = undefined
      }),
    }
    await this.#preparing.done
  }

  async #prepare(encryption: EncryptionOptions | undefined): Promise<void> {
    const { connection, room } = this.#deps
    const device = await this.#loadDevice()
    const cipher = encryption && (await this.#makeCipher(encryption))
    const choice = cipher ? { cipher } : {}
    const session = await CallSession.prepare(connection, room.id, device, choice).catch(error => {
      cipher?.close()
      throw error
    })
    if (this.own) {
      cipher?.close()
      return session.leave()
    }
    const prepared: Prepared = { session, encryption, cipher, isTaken: false }
    this.#prepared = prepared
    const drop = () => {
      if (this.#prepared === prepared) this.#prepared = undefined
      session.close()
      letGo(prepared)
    }
    session.on('lost', () => {
      if (this.#prepared !== prepared) return
      drop()
      // The worker died, or what was the call ended: there is another, or will be.
      this.prepare({ encryption }).catch(() => undefined)
    })
    const stop = this.#deps.room.on('state', state => {
      if (this.#prepared !== prepared) return stop()
      if (state === 'open') return
      stop()
      // It went with the socket.
      drop()
      if (state === 'reconnecting') this.#prepareWhenOpen({ encryption })
    })
    await session.start()
  }

  /** Lets go of what is prepared, or about to be. */
  async release(): Promise<void> {
    await this.#preparing?.done.catch(() => undefined)
    await this.#leavePrepared()
  }

  async #leavePrepared(): Promise<void> {
    const prepared = this.#prepared
    this.#prepared = undefined
    if (!prepared) return
    letGo(prepared)
    await prepared.session.leave()
  }

  #prepareWhenOpen(options: PrepareOptions): void {
    this.#deps.room.opened().then(
      () => this.prepare(options).catch(() => undefined),
      () => undefined,
    )
  }

  /** @throws TrunklineError `conflict` for who is in it, and what joining throws */
  async join(options: JoinOptions): Promise<Call> {
    if (this.own) {
      throw new TrunklineError('conflict', 'You are in this call already: leave it before joining again.')
    }
    const { room, connection } = this.#deps
    const call = new Call(
      {
        room,
        connection,
        enter: choice => this.#enter(choice),
        prepared: () => this.#prepared?.session,
        encrypt: encryption => this.#encrypt(encryption),
      },
      options,
    )
    this.#own = call
    await call.start()
    return call
  }

  /** Leaves it, for who is in it or was about to be. */
  async leave(): Promise<void> {
    await Promise.all([this.#own?.leave(), this.#leavePrepared()])
  }

  async #enter(choice: SessionChoice): Promise<CallSession> {
    const { room, connection } = this.#deps
    const device = await this.#loadDevice()
    // Prepared with another encryption, or without, it opens nothing.
    if (this.#prepared && this.#prepared.cipher !== choice.cipher) await this.#leavePrepared()
    const taken = this.#prepared?.session
    this.#prepared = undefined
    const session = await CallSession.join(connection, room.id, device, choice, taken).catch(error => {
      // Nobody takes it again.
      void taken?.leave()
      throw error
    })
    if (session !== taken) taken?.close()
    return session
  }

  /** What was prepared, when it is for the same keys. */
  async #encrypt(options: EncryptionOptions): Promise<CallEncryption> {
    const prepared = this.#prepared
    if (!prepared?.cipher || !isSameEncryption(prepared.encryption, options)) return this.#makeCipher(options)
    prepared.isTaken = true
    return prepared.cipher
  }

  async #makeCipher(options: EncryptionOptions): Promise<CallEncryption> {
    const { room } = this.#deps
    await room.opened()
    return CallEncryption.create(options, { roomId: room.id, userId: room.me?.user.id ?? '' })
  }

  async #loadDevice(): Promise<Device> {
    await this.#deps.room.opened()
    return this.#deps.devices.load(this.#capabilities)
  }
}

/** Ends the cipher of what was prepared, unless a call has it. */
const letGo = ({ cipher, isTaken }: Prepared): void => {
  if (!isTaken) cipher?.close()
}
