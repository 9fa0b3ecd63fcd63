import type { KeyRing } from './key-ring.ts'
import { ReplayWindow } from './replay-window.ts'
import { PRINT_BITS } from './sealer.ts'
import { type Secret, senderKey } from './secret.ts'
import { decodeHeader, deriveFrameKey, type FrameKey, openFrame } from './sframe.ts'

/** Why something was not opened. */
export type Refusal = 'noKey' | 'wrongKey' | 'altered' | 'repeated'
export type Opened = { plain: Uint8Array<ArrayBuffer> } | { refused: Refusal }

/** A sender has one key at a time, another after it comes back or the secret changed. */
const KEYS_KEPT = 8

type Known = { secret: Secret; key: FrameKey; window: ReplayWindow }

/** Opens one stream of one sender: whatever was not sealed by it with a secret we hold, or comes twice, is refused. */
export class Opener {
  readonly #ring: KeyRing
  readonly #participantId: string
  readonly #stream: string
  readonly #heard: Map<bigint, number>
  readonly #known = new Map<bigint, Known>()

  /**
   * @param heard the highest counter of each key id that anybody opened here: the same stream may be received twice for a
   * moment, by old transports and new, and what is long past comes by neither
   */
  constructor(ring: KeyRing, heard: Map<bigint, number>, participantId: string, stream: string) {
    this.#heard = heard
    this.#ring = ring
    this.#participantId = participantId
    this.#stream = stream
  }

  /** @param metadata what came beside it in the clear */
  async open(sealed: Uint8Array, metadata: Uint8Array): Promise<Opened> {
    if (!this.#ring.current) return { refused: 'noKey' }
    const header = decodeHeader(sealed)
    if (!header) return { refused: 'altered' }
    const known = await this.#keyOf(header.kid)
    if (!known) return { refused: 'wrongKey' }
    if (!known.window.accepts(header.counter)) return { refused: 'repeated' }
    const plain = await openFrame(known.key, header, sealed, metadata)
    if (!plain) return { refused: 'altered' }
    // Again, for the same may have been opened twice at once.
    if (!known.window.accepts(header.counter)) return { refused: 'repeated' }
    known.window.take(header.counter)
    this.#heard.set(header.kid, Math.max(known.window.highest, this.#heard.get(header.kid) ?? -1))
    this.#keep(header.kid, known)
    return { plain }
  }

  async #keyOf(kid: bigint): Promise<Known | undefined> {
    const known = this.#known.get(kid)
    if (known && this.#ring.holds(known.secret)) return known
    const secret = await this.#ring.find(Number(kid & ((1n << PRINT_BITS) - 1n)))
    if (!secret) return undefined
    const key = await deriveFrameKey(await senderKey(secret, this.#participantId, this.#stream), kid)
    return { secret, key, window: new ReplayWindow(this.#heard.get(kid)) }
  }

  /** Only what opened something is kept: others may make up key ids as they like. */
  #keep(kid: bigint, known: Known): void {
    this.#ring.opened(known.secret)
    if (this.#known.has(kid)) return
    this.#known.set(kid, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > KEYS_KEPT && oldest !== undefined) this.#known.delete(oldest)
  }
}
