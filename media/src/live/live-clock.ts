/** Between two packets the clocks may go apart so far before it is another run of the sender's clock, milliseconds. */
const JUMP_MS = 500
/** Clocks of machines differ by less, 200 parts in a million: what grows faster is delay. */
const DRIFT = 200e-6

/**
 * Says of the timestamps of a track what they are in the time of the stream, from what is known so far: the fastest packets
 * tell, and the sender's reports. What TrackClock (../recordings/clock.ts) finds in both directions of a whole recording.
 */
export class LiveClock {
  readonly #rate: number
  /** The least `arrival - time`, and when that was known. */
  #least: number | undefined
  #at = 0
  #last: { time: number; arrival: number } | undefined

  /** @param rate Hz */
  constructor(rate: number) {
    this.#rate = rate
  }

  /** A packet as it came. @param timestamp counted on */
  learn(timestamp: number, arrivalMs: number): void {
    const time = (timestamp / this.#rate) * 1_000
    // What was sent again says nothing.
    if (this.#last && time < this.#last.time) return
    const apart = this.#last ? arrivalMs - this.#last.arrival - (time - this.#last.time) : 0
    // Later than its clock says may be delay; a sender that paused goes on with another clock.
    if (Math.abs(apart) > JUMP_MS) this.#least = undefined
    this.#last = { time, arrival: arrivalMs }
    this.#take(time, arrivalMs)
  }

  /** What its clock said at this moment, by the sender's own account: without what packets were delayed. */
  report(timestamp: number, ms: number): void {
    if (this.#last) this.#take((timestamp / this.#rate) * 1_000, ms)
  }

  /** When a packet was sent, in ms of the stream. */
  timeOf(timestamp: number): number {
    return (timestamp / this.#rate) * 1_000 + (this.#least ?? 0)
  }

  #take(time: number, ms: number): void {
    const grown = this.#least === undefined ? Infinity : this.#least + Math.max(0, ms - this.#at) * DRIFT
    this.#least = Math.min(grown, ms - time)
    this.#at = ms
  }
}
