/** When what is counted in a track's own clock was sent: the least that packets were delayed, along the recording. */

/** Between two packets the clocks may go apart so far before it is another run of the sender's clock, milliseconds. */
const JUMP_MS = 500
const BUCKET_MS = 1_000
/** No clock that means anything goes so far ahead within one run, in buckets. */
const BUCKETS_AHEAD = 600
/** Clocks of machines differ by less (200 parts in a million): what grows faster is delay. Milliseconds a bucket. */
const DRIFT_MS = 0.2

type Run = {
  firstSequence: number
  /** Of its first packet, in ms of the track's clock, and of the recording. */
  firstTime: number
  firstArrival: number
  /** The least `arrival - time` of each second of the track's clock. */
  least: number[]
}

/**
 * Says of the timestamps of a track what they are in the time of the recording. A packet arrives when it was sent, and later
 * by what the network made it wait: the fastest ones tell, and they tell over minutes, as no two clocks run alike.
 * Timestamps may jump where a sender paused, and then begins another run.
 */
export class TrackClock {
  readonly #rate: number
  readonly #runs: Run[] = []
  #last: { sequence: number; time: number; arrival: number } | undefined
  #isNew = true

  /** @param rate Hz */
  constructor(rate: number) {
    this.#rate = rate
  }

  /** The next packet as it came; both numbers counted on. */
  learn(sequence: number, timestamp: number, arrivalMs: number): void {
    // What was sent again says nothing.
    if (this.#last && sequence <= this.#last.sequence) return
    const time = (timestamp / this.#rate) * 1_000
    const apart = this.#last ? arrivalMs - this.#last.arrival - (time - this.#last.time) : 0
    if (this.#isNew || Math.abs(apart) > JUMP_MS)
      this.#runs.push({ firstSequence: sequence, firstTime: time, firstArrival: arrivalMs, least: [] })
    this.#isNew = false
    this.#last = { sequence, time, arrival: arrivalMs }
    const run = this.#runs.at(-1)
    if (run) this.#take(run, time, arrivalMs)
  }

  /**
   * What its clock says now, by the sender's own account: without what packets were delayed.
   * @returns to be told when that was, in the time of the recording, once it is known; before it is settled
   */
  report(timestamp: number): ((ms: number) => void) | undefined {
    const run = this.#runs.at(-1)
    if (!run || this.#isNew) return undefined
    return ms => this.#take(run, (timestamp / this.#rate) * 1_000, ms)
  }

  #take(run: Run, time: number, ms: number): void {
    const bucket = Math.max(0, Math.floor((time - run.firstTime) / BUCKET_MS))
    // Of a sender that says what it likes.
    if (bucket > (ms - run.firstArrival) / BUCKET_MS + BUCKETS_AHEAD) return
    run.least[bucket] = Math.min(run.least[bucket] ?? Number.POSITIVE_INFINITY, ms - time)
  }

  /** Its clock and that of the recording went apart: there was a pause. */
  restart(): void {
    this.#isNew = true
  }

  /** All has been learnt. */
  settle(): void {
    for (const { least } of this.#runs) {
      for (let n = 0; n < least.length; n++)
        least[n] = Math.min(least[n] ?? Infinity, (least[n - 1] ?? Infinity) + DRIFT_MS)
      for (let n = least.length - 1; n >= 0; n--)
        least[n] = Math.min(least[n] ?? Infinity, (least[n + 1] ?? Infinity) + DRIFT_MS)
    }
  }

  /** Which run a packet is of. Looked for by halves: a sender whose clock jumps with each packet has as many as those. */
  #runOf(sequence: number): number {
    let [low, high] = [0, this.#runs.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#runs[middle]?.firstSequence ?? 0) <= sequence) low = middle
      else high = middle - 1
    }
    return low
  }

  /** When a packet was sent, in ms of the recording. */
  timeOf(sequence: number, timestamp: number): number {
    const time = (timestamp / this.#rate) * 1_000
    const run = this.#runs[this.#runOf(sequence)]
    if (!run) return 0
    const at = (time - run.firstTime) / BUCKET_MS - 0.5
    const last = run.least.length - 1
    const below = Math.min(last, Math.max(0, Math.floor(at)))
    const above = Math.min(last, below + 1)
    const [a = 0, b = 0] = [run.least[below], run.least[above]]
    return time + a + (b - a) * Math.min(1, Math.max(0, at - below))
  }
}
