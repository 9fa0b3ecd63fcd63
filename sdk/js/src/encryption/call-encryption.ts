import {
  type ParticipantEncryption,
  type Participant as ParticipantInfo,
  TrunklineError,
} from '@trunkline/protocol'
import { Emitter } from '../emitter.ts'
import { AppKeys, type KeySource } from './app-keys.ts'
import { DeviceKeys, type DeviceKeysOptions } from './device-keys.ts'
import { type EncryptionKey, secretFromKey } from './encryption-key.ts'
import type { StreamOf } from './frame-cipher.ts'
import type { Identity } from './identities.ts'
import type { Place, SendKeys } from './key-exchange.ts'
import type { Reading } from './readings.ts'
import type { TransformOptions, WorkerMessage, WorkerRequest } from './worker-messages.ts'

/**
 * `key`: a passphrase, or 16 random bytes or more, the same at everybody in the call and not known to the server. `keys`:
 * whatever finds them. `devices`: everybody has a key of their own and gives it to the others by the keys of their devices;
 * nobody has to know anything, and whoever compares the safety number knows that nobody is in between.
 */
export type EncryptionOptions =
  | { key: EncryptionKey }
  | { keys: KeySource }
  | { devices: true | DeviceKeysOptions }

/** For whom it is. */
export type EncryptionOf = { roomId: string; userId: string }

export type EncryptionEvents = {
  /** What of somebody can be read changed. */
  reading: [participantId: string, reading: Reading]
  /** There is another key here. */
  keyChanged: []
  /** Something is known of somebody's device, or something else. */
  identity: [participantId: string, identity: Identity]
  /** The safety number is another. */
  safetyNumber: []
}

// Of WebRTC Encoded Transform, section 5; TypeScript's DOM library lacks it.
declare class RTCRtpScriptTransform {
  constructor(worker: Worker, options: TransformOptions)
}
type Transformable = { transform: RTCRtpScriptTransform | null }

type Request = WorkerRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never

const isSameKey = (one: EncryptionKey, other: EncryptionKey): boolean =>
  one.length === other.length && [...one].every((it, n) => it === other[n])

/** Whether this page can encrypt calls: by https, in a browser with encoded transforms. */
export const canEncryptCalls = (): boolean =>
  // Without https there is no WebCrypto.
  typeof RTCRtpScriptTransform !== 'undefined' && globalThis.crypto?.subtle !== undefined

/** Whether what was begun with one of these can be gone on with by the other. */
export const isSameEncryption = (one?: EncryptionOptions, other?: EncryptionOptions): boolean => {
  if (!one || !other) return one === other
  if ('key' in one) return 'key' in other && isSameKey(one.key, other.key)
  if ('keys' in one) return 'keys' in other && one.keys === other.keys
  return 'devices' in other && one.devices === other.devices
}

/**
 * What only those in a call can read who have its key: sealed before it leaves the browser, opened after it arrived, in a
 * worker. The server sends on what it cannot read.
 */
export class CallEncryption extends Emitter<EncryptionEvents> {
  readonly #of: EncryptionOf
  readonly #worker: Worker
  readonly #answers = new Map<number, PromiseWithResolvers<Uint8Array | undefined>>()
  #asked = 0
  #app: AppKeys | undefined
  #devices: DeviceKeys | undefined
  #ownId = ''
  #stop: (() => void) | undefined
  #closed = false
  #failure: TrunklineError | undefined

  /**
   * @internal
   * @throws TrunklineError `unavailable` in browsers and pages that cannot, `invalid_request` for a key that is none
   */
  static async create(options: EncryptionOptions, of: EncryptionOf): Promise<CallEncryption> {
    if (!canEncryptCalls()) {
      throw new TrunklineError(
        'unavailable',
        'This page cannot encrypt calls end to end. Open it by https, in a current Chrome, Edge, Firefox or Safari.',
      )
    }
    const { FRAME_WORKER } = await import('./generated/frame-worker-text.ts')
    // From a page of any origin, and whatever bundles it: a worker cannot be loaded from elsewhere.
    const address = URL.createObjectURL(new Blob([FRAME_WORKER], { type: 'text/javascript' }))
    const encryption = new CallEncryption(of, new Worker(address))
    try {
      await encryption.#begin(options)
      return encryption
    } catch (error) {
      encryption.close()
      throw error
    } finally {
      URL.revokeObjectURL(address)
    }
  }

  private constructor(of: EncryptionOf, worker: Worker) {
    super()
    this.#of = of
    this.#worker = worker
    worker.addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === 'reading') return this.emit('reading', data.participantId, data.reading)
      if (data.type === 'wanted') return this.#devices?.want(data.participantId)
      this.#answers.get(data.id)?.resolve(data.bytes)
      this.#answers.delete(data.id)
    })
    worker.addEventListener('error', ({ message }) => this.#fail(message))
  }

  async #begin(options: EncryptionOptions): Promise<void> {
    if ('key' in options) return this.setKey(options.key)
    if ('keys' in options) {
      this.#app = new AppKeys({ source: options.keys, ratchet: () => this.ratchet() })
      this.#stop = options.keys.start(key => this.setKey(key))
      return
    }
    await this.#ask({ type: 'separate' })
    const use = async (bytes: Uint8Array, from?: string) => {
      await this.#ask({ type: 'use', bytes, ...(from !== undefined && { from }) })
      if (from !== undefined) this.emit('keyChanged')
    }
    this.#devices = await DeviceKeys.create(
      options.devices === true ? {} : options.devices,
      this.#of.userId,
      {
        use,
        forget: from => void this.#ask({ type: 'forget', from }).catch(() => undefined),
        identity: (id, identity) => {
          if (identity.trust === 'refused') this.emit('reading', id, 'refused')
          this.emit('identity', id, identity)
        },
        safetyNumber: () => this.emit('safetyNumber'),
      },
    )
  }

  /** Whether keys are `app`'s, or of the `devices` of those in the call. */
  get keys(): ParticipantEncryption['keys'] {
    return this.#devices ? 'devices' : 'app'
  }

  /**
   * Thirty digits that are the same at everybody in the call, if nobody is in between: to be read to each other. They stay
   * the same for the same people on the same devices. Undefined without keys of devices, and while one is alone.
   */
  get safetyNumber(): string | undefined {
    return this.#devices?.safetyNumber
  }

  /** What is known of the device of somebody, oneself too; undefined without keys of devices. */
  identityOf(participant: { id: string; isLocal: boolean }): Identity | undefined {
    return participant.isLocal ? this.#devices?.own : this.#devices?.identityOf(participant.id)
  }

  /** People have compared their numbers: the device somebody is here with is theirs, and is remembered as that. */
  async confirm(participant: { id: string }): Promise<void> {
    await this.#devices?.confirm(participant.id)
  }

  /**
   * Sends with another key from now on; what comes with the one before is read for ten seconds more. To be called at
   * everybody, with a key that is not made from the one before, when somebody left who shall read no more.
   * @throws TrunklineError `invalid_request` for an empty key, and where keys are of devices
   */
  async setKey(key: EncryptionKey): Promise<void> {
    this.#assertOfApp()
    const bytes = await secretFromKey(key, this.#of.roomId)
    await this.#ask({ type: 'use', bytes })
    this.emit('keyChanged')
  }

  /**
   * Goes on to a key made from the one before; the others follow by themselves. Gives it, for somebody who is about to
   * join and shall not read what was before.
   * @throws TrunklineError `unavailable` while there is no key, `invalid_request` where keys are of devices
   */
  async ratchet(): Promise<Uint8Array> {
    this.#assertOfApp()
    const bytes = await this.#ask({ type: 'step' })
    if (bytes) return bytes
    throw new TrunklineError('unavailable', 'There is no key yet to make another one from: set one first.')
  }

  /** @internal What the others are told when one joins. */
  get shown(): ParticipantEncryption {
    return this.#devices?.shown ?? { keys: 'app' }
  }

  /** @internal One is in a call, for the first time or again, by transports that may be others. */
  enter(place: Place, send: SendKeys): void {
    if (place.participantId !== this.#ownId) this.#app?.enter()
    this.#ownId = place.participantId
    this.#devices?.enter(place, send)
  }

  /** @internal Who is in the call now. */
  learn(people: readonly ParticipantInfo[]): void {
    this.#app?.learn(people, this.#ownId)
    this.#devices?.learn(people)
  }

  /** @internal What another said of its keys. */
  hear(from: string, text: string): void {
    this.#devices?.hear(from, text)
  }

  /** @internal Seals what a sender sends, from its first frame on. */
  sealTrack(sender: RTCRtpSender, of: StreamOf, mimeType: string): void {
    this.#transform(sender as unknown as Transformable, { ...of, role: 'seal', mimeType })
  }

  /** @internal Opens what a receiver receives. */
  openTrack(receiver: RTCRtpReceiver, of: StreamOf, mimeType: string): void {
    this.#transform(receiver as unknown as Transformable, { ...of, role: 'open', mimeType })
  }

  /** @internal Undefined while there is no key. In the order of asking. */
  sealData(of: StreamOf, bytes: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#ask({ type: 'seal', ...of, bytes })
  }

  /** @internal Undefined for what cannot be read. In the order of asking. */
  openData(of: StreamOf, bytes: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#ask({ type: 'open', ...of, bytes })
  }

  /** @internal */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stop?.()
    this.#devices?.close()
    this.#worker.terminate()
    for (const { resolve } of this.#answers.values()) resolve(undefined)
    this.#answers.clear()
    this.removeAllListeners()
  }

  #assertOfApp(): void {
    if (!this.#devices) return
    throw new TrunklineError(
      'invalid_request',
      'The keys of this call are those of devices, and change by themselves: join with `key` or `keys` to set them.',
    )
  }

  /** The worker could not begin, or broke: nothing is sealed any more, so nothing is sent. */
  #fail(message: string | undefined): void {
    this.#failure = new TrunklineError(
      'unavailable',
      `The worker that encrypts this call does not run${message ? ` (${message})` : ''}. If the page has a Content-Security-Policy, it must allow "worker-src blob:".`,
    )
    for (const { reject } of this.#answers.values()) reject(this.#failure)
    this.#answers.clear()
  }

  #transform(of: Transformable, options: TransformOptions): void {
    of.transform = new RTCRtpScriptTransform(this.#worker, options)
  }

  #ask(request: Request): Promise<Uint8Array | undefined> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (this.#closed) return Promise.resolve(undefined)
    this.#asked += 1
    const answer = Promise.withResolvers<Uint8Array | undefined>()
    this.#answers.set(this.#asked, answer)
    this.#worker.postMessage({ ...request, id: this.#asked })
    return answer.promise
  }
}
