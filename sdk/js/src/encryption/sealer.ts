import type { KeyRing } from './key-ring.ts'
import { type Secret, senderKey } from './secret.ts'
import { deriveFrameKey, type FrameKey, sealFrame } from './sframe.ts'

/** Bits of a key id that tell which secret it is of; the 40 above them are random. */
export const PRINT_BITS = 24n

/**
 * Seals one stream of one sender. The key id is random besides the secret's print, so that a sender that begins anew, or
 * a server that gives two senders one id, never makes two frames with one key and nonce.
 */
export class Sealer {
  readonly #ring: KeyRing
  readonly #participantId: string
  readonly #stream: string
  #secret: Secret | undefined
  #key: Promise<FrameKey> | undefined
  #counter = 0

  constructor(ring: KeyRing, participantId: string, stream: string) {
    this.#ring = ring
    this.#participantId = participantId
    this.#stream = stream
  }

  /** Undefined while there is no key: then nothing may be sent. */
  async seal(plain: Uint8Array, metadata: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const secret = this.#ring.current
    if (!secret) return undefined
    if (!this.#key || secret !== this.#secret) {
      this.#secret = secret
      this.#counter = 0
      this.#key = this.#derive(secret)
    }
    const counter = this.#counter
    this.#counter += 1
    return sealFrame(await this.#key, counter, plain, metadata)
  }

  async #derive(secret: Secret): Promise<FrameKey> {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
    const random = (BigInt(high & 0xff) << 32n) | BigInt(low)
    const kid = (random << PRINT_BITS) | BigInt(secret.print)
    return deriveFrameKey(await senderKey(secret, this.#participantId, this.#stream), kid)
  }
}
