/** RFC 3550, section 5.1. */
const FIXED_BYTES = 12
const VERSION = 0x80
const PADDING = 0x20
const EXTENSION = 0x10
const MARKER = 0x80
const SEQUENCE_NUMBERS = 0x1_0000
const TIMESTAMPS = 0x1_0000_0000
/** RFC 3550, section 6.4.1. */
const SENDER_REPORT = 200
const REPORT_BYTES = 28

/** Nothing comes later than that; and further on numbers come round. */
const LATE_PACKETS = 1_000

export type SpliceOptions = { ssrc: number; payloadType: number; clockRate: number }

/**
 * One stream of RTP made of several that follow each other: its source, payload type, numbers and clock go on as if nothing
 * had changed. Gaps of the stream it comes from stay gaps, for whoever receives it to ask for what is missing. Header
 * extensions are left out: their numbers are another's.
 */
export class Splice {
  readonly #options: SpliceOptions
  /** What is added to those of the stream it comes from. */
  #sequenceOffset = 0
  #timestampOffset = 0
  /** The first of the stream it comes from: what was before it belongs to nothing that was sent. */
  #first: number | undefined
  /** How many of that stream have gone on. */
  #passed = 0
  #last: { sequenceNumber: number; timestamp: number; atMs: number } | undefined

  constructor(options: SpliceOptions) {
    this.#options = options
  }

  /** What comes next is of another stream. */
  cut(): void {
    this.#first = undefined
  }

  /**
   * @param packet as it came
   * @param nowMs when, by a clock that never goes back
   * @returns as it goes on; undefined for what cannot
   */
  pass(packet: Buffer, nowMs: number): Buffer | undefined {
    const from = payloadAt(packet)
    if (from === undefined) return undefined
    const sequenceNumber = packet.readUInt16BE(2)
    const timestamp = packet.readUInt32BE(4)
    if (this.#first === undefined) this.#begin(sequenceNumber, timestamp, nowMs)
    else if (this.#passed < LATE_PACKETS && this.#isOlder(sequenceNumber, this.#first)) return undefined
    const { ssrc, payloadType } = this.#options
    const passed = Buffer.allocUnsafe(FIXED_BYTES + packet.length - from)
    passed[0] = VERSION | ((packet[0] ?? 0) & PADDING)
    passed[1] = ((packet[1] ?? 0) & MARKER) | payloadType
    const number = (sequenceNumber + this.#sequenceOffset) % SEQUENCE_NUMBERS
    const time = (timestamp + this.#timestampOffset) % TIMESTAMPS
    passed.writeUInt16BE(number, 2)
    passed.writeUInt32BE(time, 4)
    passed.writeUInt32BE(ssrc, 8)
    packet.copy(passed, FIXED_BYTES, from)
    if (!this.#last || !this.#isOlder(number, this.#last.sequenceNumber))
      this.#last = { sequenceNumber: number, timestamp: time, atMs: nowMs }
    this.#passed += 1
    return passed
  }

  /** A sender report of the stream it comes from, as one of this; undefined before there is anything to report of. */
  report(report: Buffer): Buffer | undefined {
    if (this.#first === undefined || report.length < REPORT_BYTES) return undefined
    const passed = Buffer.from(report.subarray(0, REPORT_BYTES))
    passed[0] = VERSION
    passed[1] = SENDER_REPORT
    passed.writeUInt16BE(REPORT_BYTES / 4 - 1, 2)
    passed.writeUInt32BE(this.#options.ssrc, 4)
    passed.writeUInt32BE((report.readUInt32BE(16) + this.#timestampOffset) % TIMESTAMPS, 16)
    return passed
  }

  #begin(sequenceNumber: number, timestamp: number, nowMs: number): void {
    this.#first = sequenceNumber
    this.#passed = 0
    const last = this.#last
    const next = last ? (last.sequenceNumber + 1) % SEQUENCE_NUMBERS : sequenceNumber
    const ticks = last ? Math.max(1, Math.round(((nowMs - last.atMs) * this.#options.clockRate) / 1_000)) : 0
    const time = last ? (last.timestamp + ticks) % TIMESTAMPS : timestamp
    this.#sequenceOffset = (next - sequenceNumber + SEQUENCE_NUMBERS) % SEQUENCE_NUMBERS
    this.#timestampOffset = (time - timestamp + TIMESTAMPS) % TIMESTAMPS
  }

  #isOlder(one: number, than: number): boolean {
    return (one - than + SEQUENCE_NUMBERS) % SEQUENCE_NUMBERS > SEQUENCE_NUMBERS / 2
  }
}

/** Where what it carries begins; undefined for what is no packet of RTP. */
const payloadAt = (packet: Buffer): number | undefined => {
  const [first = 0] = packet
  let at = FIXED_BYTES + 4 * (first & 0x0f)
  if (first & EXTENSION) {
    if (packet.length < at + 4) return undefined
    at += 4 + 4 * packet.readUInt16BE(at + 2)
  }
  return packet.length >= at && packet.length >= FIXED_BYTES ? at : undefined
}

/** The sender reports in a compound packet of RTCP, whole, and whose they are. */
export function* reportsIn(packet: Buffer): Generator<{ ssrc: number; report: Buffer }> {
  for (let at = 0; at + 4 <= packet.length; ) {
    const size = 4 * (1 + packet.readUInt16BE(at + 2))
    if (packet[at + 1] === SENDER_REPORT && size >= REPORT_BYTES && at + REPORT_BYTES <= packet.length)
      yield { ssrc: packet.readUInt32BE(at + 4), report: packet.subarray(at, at + REPORT_BYTES) }
    at += size
  }
}
