/** At this moment of the sender's own clock, milliseconds since 1970, that of the track said `timestamp`. */
export type SenderReport = { timestamp: number; sentMs: number }

/** A report that is further from what packets say is of another stream: the sizes of a picture have clocks of their own, ms. */
const NEAR_MS = 3_000
/** From 1900, as NTP counts, to 1970, s. */
const NTP_EPOCH = 2_208_988_800

/**
 * Finds among the sender reports of a track (RFC 3550, section 6.4.1) those that speak of the clock its packets have here:
 * the engine makes one of all sizes of a picture, with the clock of one of them.
 */
export class ReportedClock {
  readonly #rate: number
  readonly #now: () => number
  #latest: { timestamp: number; at: number } | undefined

  /** @param rate Hz */
  constructor(rate: number, now = () => performance.now()) {
    this.#rate = rate
    this.#now = now
  }

  /** The timestamp of a packet that came this moment. */
  learn(timestamp: number): void {
    this.#latest = { timestamp, at: this.#now() }
  }

  /** @param info of the engine's trace event `sr` */
  read(info: Record<string, unknown>): SenderReport | undefined {
    const [timestamp, seconds, fraction] = [info.rtpTs, info.ntpSec, info.ntpFrac].map(Number)
    if (!this.#latest || timestamp === undefined || seconds === undefined || fraction === undefined)
      return undefined
    // Software without a clock on its wall says 0.
    if (!Number.isFinite(timestamp) || seconds === 0) return undefined
    const since = Math.round(((this.#now() - this.#latest.at) * this.#rate) / 1_000)
    // As signed 32 bits: they begin anew at 2^32.
    const apart = (timestamp - this.#latest.timestamp - since) | 0
    if (Math.abs(apart) > (NEAR_MS * this.#rate) / 1_000) return undefined
    return { timestamp, sentMs: (seconds - NTP_EPOCH + fraction / 2 ** 32) * 1_000 }
  }
}
