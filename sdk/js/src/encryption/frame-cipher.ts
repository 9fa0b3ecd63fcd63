import { codecOf } from './codecs/codecs.ts'
import { KeyRings } from './key-rings.ts'
import { type Opened, Opener } from './opener.ts'
import type { Readings } from './readings.ts'
import { Sealer } from './sealer.ts'
import { type Secret, secretOf } from './secret.ts'

/** A stream of one participant: `stream` is the source of a track, or a delivery of data. */
export type StreamOf = { participantId: string; stream: string }
/** What of RTCEncodedVideoFrame and RTCEncodedAudioFrame is used. */
export type Frame = { data: ArrayBuffer }

const NOTHING = new Uint8Array()

/** How long something waits for its key (ms): both are under way at once, by different ways. */
const KEY_WAIT_MS = 300
/** How often a key that did not come is asked for (ms). */
const ASK_EVERY_MS = 1_000

/** Opens; what its key has not come for yet waits for it once, a little. */
type PatientOpen = (sealed: Uint8Array, metadata: Uint8Array) => Promise<Opened>

const lacksKey = (opened: Opened): boolean =>
  'refused' in opened && (opened.refused === 'noKey' || opened.refused === 'wrongKey')

/** Whether `done` comes within a time; a timer that is not needed any more goes. */
const within = async (ms: number, done: Promise<void>): Promise<void> => {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  await Promise.race([done, late.promise])
  clearTimeout(timer)
}

/** What seals and opens everything of one call: frames as they pass, data as they come. */
export class FrameCipher {
  readonly #rings: KeyRings
  readonly #readings: Readings
  readonly #want: (participantId: string) => void
  readonly #wantedAt = new Map<string, number>()
  readonly #heard = new Map<bigint, number>()
  readonly #sealers = new Map<string, Sealer>()
  readonly #openers = new Map<string, PatientOpen>()

  /** @param want told of whom something came without its key, where every sender has one of its own */
  constructor(
    readings: Readings,
    rings = new KeyRings(),
    want: (participantId: string) => void = () => undefined,
  ) {
    this.#readings = readings
    this.#rings = rings
    this.#want = want
  }

  /** Every sender has a key of its own from now on. */
  separate(): void {
    this.#rings.separate()
  }

  /**
   * Sends with this secret from now on.
   * @param from it is what this participant sends with
   */
  async use(bytes: Uint8Array, from?: string): Promise<void> {
    const secret = await secretOf(bytes)
    const ring = from === undefined ? this.#rings.own : this.#rings.of(from)
    ring.use(secret)
    this.#readings.keyChanged(from)
  }

  /** One step of the ratchet; undefined without a secret to begin from. */
  step(): Promise<Secret | undefined> {
    return this.#rings.own.step()
  }

  /** Reads nothing of this participant any more, until it has another key. */
  forget(participantId: string): void {
    if (this.#rings.separated) this.#rings.of(participantId).clear()
    this.#wantedAt.delete(participantId)
  }

  /** Seals frames in place; false for one that cannot be sealed, and must not be sent. */
  frameSealer({ participantId, stream }: StreamOf, mimeType: string): (frame: Frame) => Promise<boolean> {
    const codec = codecOf(mimeType)
    const sealer = new Sealer(this.#rings.own, participantId, stream)
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
    const open = this.#patientOpener(of)
    let refusing = false
    return async frame => {
      const layout = codec?.toOpen(new Uint8Array(frame.data))
      const opened: Opened = layout ? await open(layout.secret, layout.clear) : { refused: 'altered' }
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
    const sealer = this.#sealers.get(name) ?? new Sealer(this.#rings.own, of.participantId, of.stream)
    this.#sealers.set(name, sealer)
    return sealer.seal(bytes, NOTHING)
  }

  /** Undefined for what cannot be opened. */
  async openData(of: StreamOf, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const name = JSON.stringify([of.participantId, of.stream])
    const open = this.#openers.get(name) ?? this.#patientOpener(of)
    this.#openers.set(name, open)
    const opened = await open(bytes, NOTHING)
    this.#note(of, opened)
    return 'plain' in opened ? opened.plain : undefined
  }

  /** A stream of somebody is not received any more. */
  ended({ participantId, stream }: StreamOf): void {
    this.#readings.ended(participantId, stream)
  }

  #patientOpener({ participantId, stream }: StreamOf): PatientOpen {
    const ring = this.#rings.of(participantId)
    const opener = new Opener(ring, this.#heard, participantId, stream)
    let waits = true
    return async (sealed, metadata) => {
      let opened = await opener.open(sealed, metadata)
      if (waits && lacksKey(opened)) {
        // Once, and once more after something was opened: where no key comes nothing is held up.
        waits = false
        await within(KEY_WAIT_MS, ring.next())
        opened = await opener.open(sealed, metadata)
      }
      if ('plain' in opened) waits = true
      else if (lacksKey(opened)) this.#ask(participantId)
      return opened
    }
  }

  #ask(participantId: string): void {
    if (!this.#rings.separated) return
    const now = Date.now()
    if (now - (this.#wantedAt.get(participantId) ?? 0) < ASK_EVERY_MS) return
    this.#wantedAt.set(participantId, now)
    this.#want(participantId)
  }

  #note({ participantId, stream }: StreamOf, opened: Opened): void {
    if ('plain' in opened) this.#readings.opened(participantId, stream)
    else this.#readings.refused(participantId, stream, opened.refused)
  }
}
