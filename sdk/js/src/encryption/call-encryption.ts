import { TrunklineError } from '@trunkline/protocol'
import { type EncryptionKey, secretFromKey } from './encryption-key.ts'
import type { StreamOf } from './frame-cipher.ts'
import type { Reading } from './readings.ts'
import type { TransformOptions, WorkerMessage, WorkerRequest } from './worker-messages.ts'

/** Where the keys of a call come from, when it is not one the app has from the start. */
export type KeySource = {
  /**
   * Called as the call is joined, before anything is sent. Until `use` was called nothing is sent and nothing shown; each
   * further call of it changes the key. Returns the way to stop, which is called when the call is left.
   */
  start: (use: (key: EncryptionKey) => Promise<void>) => () => void
}

/**
 * `key`: a passphrase, or 16 random bytes or more, the same at everybody in the call and not known to the server. `keys`:
 * whatever finds them.
 */
export type EncryptionOptions = { key: EncryptionKey } | { keys: KeySource }

// Of WebRTC Encoded Transform, section 5; TypeScript's DOM library lacks it.
declare class RTCRtpScriptTransform {
  constructor(worker: Worker, options: TransformOptions)
}
type Transformable = { transform: RTCRtpScriptTransform | null }

type Request = WorkerRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never

type Listener = { tell: (participantId: string, reading: Reading) => void; keyChanged: () => void }

/**
 * What only those in a call can read who have its key: sealed before it leaves the browser, opened after it arrived, in a
 * worker. The server sends on what it cannot read.
 */
export class CallEncryption {
  readonly #roomId: string
  readonly #worker: Worker
  readonly #keyChanged: () => void
  readonly #answers = new Map<number, PromiseWithResolvers<Uint8Array | undefined>>()
  #asked = 0
  #stop: (() => void) | undefined
  #closed = false
  #failure: TrunklineError | undefined

  /**
   * @param listener.tell what of somebody can be read, when that changes
   * @param listener.keyChanged there is another key here
   * @throws TrunklineError `unavailable` in browsers and pages that cannot, `invalid_request` for a key that is none
   */
  static async create(
    options: EncryptionOptions,
    roomId: string,
    listener: Listener,
  ): Promise<CallEncryption> {
    // Without https there is no WebCrypto.
    if (typeof RTCRtpScriptTransform === 'undefined' || !crypto.subtle) {
      throw new TrunklineError(
        'unavailable',
        'This page cannot encrypt calls end to end. Open it by https, in a current Chrome, Edge, Firefox or Safari.',
      )
    }
    const { FRAME_WORKER } = await import('./generated/frame-worker-text.ts')
    // From a page of any origin, and whatever bundles it: a worker cannot be loaded from elsewhere.
    const address = URL.createObjectURL(new Blob([FRAME_WORKER], { type: 'text/javascript' }))
    const encryption = new CallEncryption(roomId, new Worker(address), listener)
    try {
      if ('key' in options) await encryption.setKey(options.key)
      else encryption.#stop = options.keys.start(key => encryption.setKey(key))
      return encryption
    } catch (error) {
      encryption.close()
      throw error
    } finally {
      URL.revokeObjectURL(address)
    }
  }

  private constructor(roomId: string, worker: Worker, { tell, keyChanged }: Listener) {
    this.#roomId = roomId
    this.#worker = worker
    this.#keyChanged = keyChanged
    worker.addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === 'reading') return tell(data.participantId, data.reading)
      this.#answers.get(data.id)?.resolve(data.bytes)
      this.#answers.delete(data.id)
    })
    worker.addEventListener('error', ({ message }) => this.#fail(message))
  }

  /**
   * Sends with another key from now on; what comes with the one before is read for ten seconds more. To be called at
   * everybody, with a key that is not made from the one before, when somebody left who shall read no more.
   * @throws TrunklineError `invalid_request` for an empty key
   */
  async setKey(key: EncryptionKey): Promise<void> {
    const bytes = await secretFromKey(key, this.#roomId)
    await this.#ask({ type: 'use', bytes })
    this.#keyChanged()
  }

  /**
   * Goes on to a key made from the one before; the others follow by themselves. Gives it, for somebody who is about to
   * join and shall not read what was before.
   * @throws TrunklineError `unavailable` while there is no key
   */
  async ratchet(): Promise<Uint8Array> {
    const bytes = await this.#ask({ type: 'step' })
    if (bytes) return bytes
    throw new TrunklineError('unavailable', 'There is no key yet to make another one from: set one first.')
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
    this.#worker.terminate()
    for (const { resolve } of this.#answers.values()) resolve(undefined)
    this.#answers.clear()
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
