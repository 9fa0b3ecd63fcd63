import { codecOf } from './codecs/codecs.ts'
import { KeyRing } from './key-ring.ts'
import { type Opened, Opener } from './opener.ts'
import type { Readings } from './readings.ts'
import { Sealer } from './sealer.ts'
import { type Secret, secretOf } from './secret.ts'

/** A stream of one participant: `stream` is the source of a track, or a delivery of data. */
export type StreamOf = { participantId: string; stream: string }
/** What of RTCEncodedVideoFrame and RTCEncodedAudioFrame is used. */
export type Frame = { data: ArrayBuffer }

const NOTHING = new Uint8Array()

/** What seals and opens everything of one call: frames as they pass, data as they come. */
export class FrameCipher {
  readonly #ring: KeyRing
  readonly #readings: Readings
  readonly #heard = new Map<bigint, number>()
  readonly #sealers = new Map<string, Sealer>()
  readonly #openers = new Map<string, Opener>()

  constructor(readings: Readings, ring = new KeyRing()) {
    this.#readings = readings
    this.#ring = ring
  }

  /** Sends with this secret from now on. */
  async use(bytes: Uint8Array): Promise<void> {
    this.#ring.use(await secretOf(bytes))
    this.#readings.keyChanged()
  }

  /** One step of the ratchet; undefined without a secret to begin from. */
  step(): Promise<Secret | undefined> {
    return this.#ring.step()
  }

  /** Seals frames in place; false for one that cannot be sealed, and must not be sent. */
  frameSealer({ participantId, stream }: StreamOf, mimeType: string): (frame: Frame) => Promise<boolean> {
    const codec = codecOf(mimeType)
    const sealer = new Sealer(this.#ring, participantId, stream)
    return async frame => {
      const layout = codec?.toSeal(new Uint8Array(frame.data))
      const sealed = layout && (await sealer.seal(layout.secret, layout.clear))
      if (sealed) frame.data = layout.with(sealed).buffer
      return sealed !== undefined
    }
  }

  /**
   * Opens frames in place; false for one that cannot be opened, and must not be shown.
   * @param again something is opened after something was not: a decoder may have to begin anew
   */
  frameOpener(of: StreamOf, mimeType: string, again: () => void): (frame: Frame) => Promise<boolean> {
    const codec = codecOf(mimeType)
    const opener = new Opener(this.#ring, this.#heard, of.participantId, of.stream)
    let refusing = false
    return async frame => {
      const layout = codec?.toOpen(new Uint8Array(frame.data))
      const opened: Opened = layout ? await opener.open(layout.secret, layout.clear) : { refused: 'altered' }
      this.#note(of, opened)
      if ('refused' in opened) {
        refusing ||= opened.refused !== 'repeated'
        return false
      }
      frame.data = layout?.with(opened.plain).buffer ?? frame.data
      if (refusing) again()
      refusing = false
      return true
    }
  }

  /** Undefined while there is no key. */
  sealData(of: StreamOf, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const name = JSON.stringify([of.participantId, of.stream])
    const sealer = this.#sealers.get(name) ?? new Sealer(this.#ring, of.participantId, of.stream)
    this.#sealers.set(name, sealer)
    return sealer.seal(bytes, NOTHING)
  }

  /** Undefined for what cannot be opened. */
  async openData(of: StreamOf, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const name = JSON.stringify([of.participantId, of.stream])
    const opener = this.#openers.get(name) ?? new Opener(this.#ring, this.#heard, of.participantId, of.stream)
    this.#openers.set(name, opener)
    const opened = await opener.open(bytes, NOTHING)
    this.#note(of, opened)
    return 'plain' in opened ? opened.plain : undefined
  }

  /** A stream of somebody is not received any more. */
  ended({ participantId, stream }: StreamOf): void {
    this.#readings.ended(participantId, stream)
  }

  #note({ participantId, stream }: StreamOf, opened: Opened): void {
    if ('plain' in opened) this.#readings.opened(participantId, stream)
    else this.#readings.refused(participantId, stream, opened.refused)
  }
}
