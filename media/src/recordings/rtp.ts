/** What there is to know of an RTP packet (RFC 3550, section 5.1), its numbers counted on where they begin anew. */
export type RtpPacket = {
  /** Counted on over 2^16. */
  sequence: number
  /** Counted on over 2^32, in the clock of the track. */
  timestamp: number
  marker: boolean
  payload: Uint8Array
}

const VERSION = 2

/** @returns undefined for what is no RTP packet, or has nothing in it */
export const parseRtp = (packet: Uint8Array): RtpPacket | undefined => {
  if (packet.byteLength < 12) return undefined
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const first = view.getUint8(0)
  const second = view.getUint8(1)
  if (first >> 6 !== VERSION) return undefined
  let start = 12 + 4 * (first & 0x0f)
  if (first & 0x10) {
    if (start + 4 > packet.byteLength) return undefined
    start += 4 + 4 * view.getUint16(start + 2)
  }
  const padding = first & 0x20 ? view.getUint8(packet.byteLength - 1) : 0
  const end = packet.byteLength - padding
  if (start >= end) return undefined
  return {
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    marker: (second & 0x80) !== 0,
    payload: packet.subarray(start, end),
  }
}

/** Counts on where numbers of so many values begin anew. */
export class Unwrapper {
  readonly #values: number
  #last: number | undefined

  /** @param values 2^16 or 2^32 */
  constructor(values: number) {
    this.#values = values
  }

  next(value: number): number {
    if (this.#last === undefined) {
      // What is late may be before the first.
      this.#last = value + this.#values
      return this.#last
    }
    const size = this.#values
    const ahead = (((value - this.#last) % size) + size) % size
    const found = ahead < size / 2 ? this.#last + ahead : this.#last + ahead - size
    this.#last = Math.max(this.#last, found)
    return found
  }
}

/** Late packets are waited for this long, in the time of their arrival, milliseconds. */
const LATE_MS = 2_000
/** So many wait behind one that is missing; with more it is not waited for any more. */
const WAITING_MAX = 4_000

type Waiting = { packet: RtpPacket; ms: number }

/** Puts packets into the order they were sent in; what comes twice, or too late, is left out. */
export class Reorder {
  readonly #waiting = new Map<number, Waiting>()
  readonly #lateMs: number
  #next: number | undefined
  /** The first of those that wait, once it was looked for. */
  #lowest: number | undefined

  /** @param lateMs how long late packets are waited for */
  constructor(lateMs = LATE_MS) {
    this.#lateMs = lateMs
  }

  /** @returns those whose turn it is, each with whether some before it are missing */
  push(packet: RtpPacket, ms: number): { packet: RtpPacket; isAfterGap: boolean }[] {
    this.#next ??= packet.sequence
    if (packet.sequence >= this.#next) {
      this.#waiting.set(packet.sequence, { packet, ms })
      if (this.#lowest !== undefined) this.#lowest = Math.min(this.#lowest, packet.sequence)
    }
    return this.#release(ms - this.#lateMs)
  }

  /** All that still wait. */
  end(): { packet: RtpPacket; isAfterGap: boolean }[] {
    return this.#release(Number.POSITIVE_INFINITY)
  }

  #release(lateBefore: number): { packet: RtpPacket; isAfterGap: boolean }[] {
    const released: { packet: RtpPacket; isAfterGap: boolean }[] = []
    let isAfterGap = false
    for (;;) {
      const next = this.#next ?? 0
      const found = this.#waiting.get(next)
      if (found) {
        this.#waiting.delete(next)
        this.#lowest = undefined
        this.#next = next + 1
        released.push({ packet: found.packet, isAfterGap })
        isAfterGap = false
        continue
      }
      if (this.#waiting.size === 0) return released
      this.#lowest ??= this.#lookForLowest(next)
      const lowest = this.#lowest
      const isPatient = this.#waiting.size <= WAITING_MAX
      if (isPatient && (this.#waiting.get(lowest)?.ms ?? 0) > lateBefore) return released
      this.#next = lowest
      isAfterGap = true
    }
  }

  /** It is near as a rule. */
  #lookForLowest(from: number): number {
    for (let n = from; n < from + WAITING_MAX; n++) if (this.#waiting.has(n)) return n
    let lowest = Number.POSITIVE_INFINITY
    for (const n of this.#waiting.keys()) if (n < lowest) lowest = n
    return lowest
  }
}
