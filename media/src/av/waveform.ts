import { Writable } from 'node:stream'

/** Fewer samples than this are one bin for good: a tenth of a second. */
const BIN_SAMPLES = 800
/** Below this share of full scale nothing is heard. */
const SILENCE = 0.001

/**
 * Takes in plain samples (16 bits, little-endian, one channel), however many, and tells how loud they were. What it keeps
 * are sums of tenths of a second.
 */
export class Waveform extends Writable {
  readonly #energies: number[] = []
  #sum = 0
  #inBin = 0
  #samples = 0
  /** The first half of a sample that came in two pieces. */
  #half: number | undefined

  constructor() {
    // fluent-ffmpeg takes a stream that closes for one that broke off, and kills what is about to end by itself.
    super({ emitClose: false, decodeStrings: true })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let at = 0
    if (this.#half !== undefined && chunk.length > 0) {
      this.#add(((this.#half | ((chunk[0] ?? 0) << 8)) << 16) >> 16)
      this.#half = undefined
      at = 1
    }
    for (; at + 1 < chunk.length; at += 2) this.#add(chunk.readInt16LE(at))
    if (at < chunk.length) this.#half = chunk[at]
    done()
  }

  #add(sample: number): void {
    const level = sample / 32_768
    this.#sum += level * level
    this.#samples += 1
    this.#inBin += 1
    if (this.#inBin === BIN_SAMPLES) this.#closeBin()
  }

  #closeBin(): void {
    this.#energies.push(this.#sum / this.#inBin)
    this.#sum = 0
    this.#inBin = 0
  }

  /** How many samples there were. */
  get samples(): number {
    return this.#samples
  }

  /**
   * Loudness in as many steps as asked for, at most one for each tenth of a second: 100 for the loudest, silence is 0.
   */
  peaks(count: number): number[] {
    const energies = this.#inBin > 0 ? [...this.#energies, this.#sum / this.#inBin] : this.#energies
    const steps = Math.min(count, energies.length)
    const levels = Array.from({ length: steps }, (_, step) => {
      const from = Math.floor((step * energies.length) / steps)
      const to = Math.max(from + 1, Math.floor(((step + 1) * energies.length) / steps))
      let sum = 0
      for (let bin = from; bin < to; bin++) sum += energies[bin] ?? 0
      return Math.sqrt(sum / (to - from))
    })
    const loudest = levels.reduce((most, level) => Math.max(most, level), 0)
    return levels.map(level => (loudest < SILENCE ? 0 : Math.round((100 * level) / loudest)))
  }
}
