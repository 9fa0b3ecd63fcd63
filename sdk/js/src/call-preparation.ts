import type { EncryptionKeys } from '@trunkline/protocol'
import type { Device } from 'mediasoup-client'
import { CallSession } from './call-session.ts'
import type { Connection } from './connection.ts'
import {
  type CallEncryption,
  type EncryptionOptions,
  isSameEncryption,
} from './encryption/call-encryption.ts'
import type { JoinOptions } from './join-options.ts'

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

type Deps = {
  roomId: string
  connection: Connection
  /** Undefined where this server carries no calls. */
  device: () => Promise<Device | undefined>
  makeCipher: (options: EncryptionOptions) => Promise<CallEncryption>
  /** Whether one is in the call, or about to be: then there is nothing to prepare. */
  isIn: () => boolean
}

/**
 * What is ready for joining the call of a room, which need not be open, nor one a member of it. It goes with the connection,
 * and is made again by the next one.
 */
export class CallPreparation {
  readonly #deps: Deps
  readonly #stop: () => void
  #prepared: Prepared | undefined
  #preparing: { done: Promise<void>; encryption: EncryptionOptions | undefined } | undefined
  /** As it is to be prepared, from being asked for until it is taken or let go. */
  #wanted: PrepareOptions | undefined

  constructor(deps: Deps) {
    this.#deps = deps
    this.#stop = deps.connection.on('state', state => {
      if (state === 'connected') void this.#again()
      // It went with the socket.
      else this.#drop()
    })
  }

  /** What joining will be on, if all goes well: of those who are there everything has arrived. */
  get session(): CallSession | undefined {
    return this.#prepared?.session
  }

  /** With whose keys those encrypt who send anything; `none` when they do not, undefined while nobody does send. */
  get keys(): EncryptionKeys | 'none' | undefined {
    const received = this.session?.received ?? []
    if (received.length === 0) return undefined
    const all = received.map(({ keys }) => keys ?? 'none')
    return all.find(keys => keys !== 'none') ?? 'none'
  }

  /**
   * Connects to the call without joining it, so that joining takes one round trip. Where that is not possible, joining
   * does it. What is received by is set up with the encryption from the start: a later one gets no frames.
   * @throws TrunklineError why one may not join, or `unavailable`
   */
  async prepare(options: PrepareOptions = {}): Promise<void> {
    const { encryption } = options
    this.#wanted = options
    if (!(await this.#deps.device())) return
    const before = this.#preparing ?? this.#prepared
    if (before && !isSameEncryption(before.encryption, encryption)) await this.#leave()
    if (this.#prepared || !this.#wanted || this.#deps.isIn()) return
    this.#preparing ??= {
      encryption,
      done: this.#prepare(encryption).finally(() => {
        this.#preparing = undefined
      }),
    }
    await this.#preparing.done
  }

  /** Lets go of what is prepared, or about to be. */
  async release(): Promise<void> {
    this.#wanted = undefined
    await this.#leave()
  }

  /** What was prepared with this, for joining; what was prepared with another opens nothing, and is let go. */
  async take(cipher: CallEncryption | undefined): Promise<CallSession | undefined> {
    this.#wanted = undefined
    if (this.#prepared && this.#prepared.cipher !== cipher) await this.#leavePrepared()
    const taken = this.#prepared?.session
    this.#prepared = undefined
    return taken
  }

  /** What was prepared, when it is for the same keys; else what is made for them. */
  async cipher(options: EncryptionOptions): Promise<CallEncryption> {
    const prepared = this.#prepared
    if (!prepared?.cipher || !isSameEncryption(prepared.encryption, options)) {
      return this.#deps.makeCipher(options)
    }
    prepared.isTaken = true
    return prepared.cipher
  }

  close(): void {
    this.#wanted = undefined
    this.#stop()
    this.#drop()
  }

  async #prepare(encryption: EncryptionOptions | undefined): Promise<void> {
    const { connection, roomId } = this.#deps
    const device = await this.#deps.device()
    if (!device) return
    const cipher = encryption && (await this.#deps.makeCipher(encryption))
    const choice = cipher ? { cipher } : {}
    const session = await CallSession.prepare(connection, roomId, device, choice).catch(error => {
      cipher?.close()
      throw error
    })
    // Joined, let go, or lost with its socket while it was made.
    if (!this.#wanted || this.#deps.isIn() || connection.state !== 'connected') {
      cipher?.close()
      return session.leave()
    }
    const prepared: Prepared = { session, encryption, cipher, isTaken: false }
    this.#prepared = prepared
    session.on('lost', () => {
      if (this.#prepared !== prepared) return
      this.#drop()
      // The worker died, or what was the call ended: there is another, or will be.
      void this.#again()
    })
    await session.start().catch(async error => {
      // Joining does not wait for what cannot be connected.
      if (this.#prepared === prepared) await this.#leavePrepared()
      throw error
    })
  }

  async #again(): Promise<void> {
    // What was under way when the connection was lost fails.
    await this.#preparing?.done.catch(() => undefined)
    if (this.#wanted) await this.prepare(this.#wanted).catch(() => undefined)
  }

  async #leave(): Promise<void> {
    await this.#preparing?.done.catch(() => undefined)
    await this.#leavePrepared()
  }

  async #leavePrepared(): Promise<void> {
    const session = this.session
    this.#drop()
    await session?.leave()
  }

  /** The server knows already, or is told by whoever drops it. */
  #drop(): void {
    const prepared = this.#prepared
    if (!prepared) return
    this.#prepared = undefined
    prepared.session.close()
    if (!prepared.isTaken) prepared.cipher?.close()
  }
}
