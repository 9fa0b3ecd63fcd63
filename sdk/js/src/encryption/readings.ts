import type { Refusal } from './opener.ts'

/**
 * What one can read of a participant: everything again, or why not. `sealed`: it encrypts and one does not; `unsealed`: the
 * other way round; `otherKeys`: one has the app's key, the other keys of devices; `refused`: by the app, see {@link Verify}.
 */
export type Reading =
  | 'readable'
  | Exclude<Refusal, 'repeated'>
  | 'sealed'
  | 'unsealed'
  | 'otherKeys'
  | 'refused'

/** A sentence for people. */
export const readingText = (reading: Reading, name: string): string => {
  switch (reading) {
    case 'readable':
      return `What ${name} sends can be read now.`
    case 'noKey':
      return `Waiting for the key to what ${name} sends.`
    case 'wrongKey':
      return `What ${name} sends cannot be read: it is encrypted with another key than yours, or not at all.`
    case 'sealed':
      return `${name} encrypts this call end to end, and you do not: join again with encryption to see and hear ${name}.`
    case 'unsealed':
      return `${name} is in this call without encryption: nothing ${name} sends is shown, and ${name} can read nothing of yours.`
    case 'otherKeys':
      return `What ${name} sends cannot be read: one of you encrypts with a key of the app, the other with keys of devices.`
    case 'refused':
      return `This is not known as a device of ${name}: nothing of it is shown, and it can read nothing of yours.`
    case 'altered':
      return `What ${name} sends cannot be read: it was changed on its way, or is not encrypted.`
  }
}

/** Nothing is said of what is mended within this time (ms): keys change at each end a moment apart. */
const PATIENCE_MS = 1_000

/** From its first refusal to its last. */
type Failing = { since: number; last: number }

/** Whether what everybody sends can be read: says it once when it cannot, and once when it can again. */
export class Readings {
  readonly #tell: (participantId: string, reading: Reading) => void
  readonly #now: () => number
  readonly #failing = new Map<string, Map<string, Failing>>()
  readonly #told = new Map<string, Reading>()

  constructor(tell: (participantId: string, reading: Reading) => void, now: () => number = Date.now) {
    this.#tell = tell
    this.#now = now
  }

  opened(participantId: string, stream: string): void {
    const failing = this.#failing.get(participantId)
    failing?.delete(stream)
    for (const [name, { last }] of failing ?? []) {
      // Nothing comes of it any more, and what does can be read.
      if (this.#now() - last >= PATIENCE_MS) failing?.delete(name)
    }
    if (failing && failing.size > 0) return
    if (this.#told.delete(participantId)) this.#tell(participantId, 'readable')
  }

  /**
   * There is another key: what could not be read before says nothing of it.
   * @param of whose it is; everybody's when left out
   */
  keyChanged(of?: string): void {
    if (of === undefined) this.#failing.clear()
    else this.#failing.delete(of)
  }

  refused(participantId: string, stream: string, why: Refusal): void {
    if (why === 'repeated') return
    const streams = this.#failing.get(participantId) ?? new Map<string, Failing>()
    this.#failing.set(participantId, streams)
    const now = this.#now()
    const since = streams.get(stream)?.since ?? now
    streams.set(stream, { since, last: now })
    if (now - since < PATIENCE_MS || this.#told.get(participantId) === why) return
    this.#told.set(participantId, why)
    this.#tell(participantId, why)
  }

  /** A stream that ended, readable or not. */
  ended(participantId: string, stream: string): void {
    const failing = this.#failing.get(participantId)
    failing?.delete(stream)
    if (failing?.size === 0) this.#told.delete(participantId)
  }
}
