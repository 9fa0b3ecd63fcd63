import type { Frame } from '../recordings/depacketize.ts'
import { matroskaFrame, matroskaHead, OPUS_SILENCE } from '../recordings/matroska.ts'
import { FRAME_SAMPLES, SAMPLE_RATE, voiceArguments } from './arguments.ts'
import { GridDecoder } from './grid-decoder.ts'
import type { LiveProgram } from './program.ts'

/** 10 ms of two channels of 16 bits. */
const UNIT_SAMPLES = SAMPLE_RATE / 100
const UNIT_BYTES = UNIT_SAMPLES * 4
/** How much is kept for being mixed, in samples. */
const KEPT = SAMPLE_RATE * 4
/** A decoder makes silence of what is missing; after longer than this it begins anew, milliseconds. */
const PAUSE_MS = 1_000
/** What cannot be decoded is not tried again before, milliseconds: starting a decoder costs more than a packet. */
const AGAIN_MS = 1_000

/** The sound of a track while it is heard: packets go in, and come out where the mix has them. */
export class Voice {
  readonly #program: LiveProgram
  readonly #mimeType: string
  #decoder: GridDecoder | undefined
  #startMs = 0
  /** A ring of both channels. */
  readonly #samples = new Int16Array(KEPT * 2)
  #lastMs = 0
  #beganMs: number | undefined
  /** All before this sample is mixed. */
  #mixed: number

  /** @param frame of the stream that is mixed next */
  constructor(program: LiveProgram, mimeType: string, frame: number) {
    this.#program = program
    this.#mimeType = mimeType
    this.#mixed = frame * FRAME_SAMPLES
  }

  /** The next packet, at this time of the stream in ms. */
  push({ data }: Frame, ms: number): void {
    let decoder = this.#decoder
    if (!decoder || decoder.isOver || ms > this.#lastMs + PAUSE_MS) {
      if (this.#beganMs !== undefined && ms < this.#beganMs + AGAIN_MS) return
      decoder = this.#begin(ms)
    }
    this.#lastMs = Math.max(this.#lastMs, ms)
    decoder.write(matroskaFrame(0, { ms: this.#lastMs - this.#startMs, data, isKey: true }))
  }

  /** Adds what is heard during a frame of the stream to a mix, and forgets it. */
  mix(frame: number, into: Float32Array): void {
    const from = frame * FRAME_SAMPLES
    for (let n = 0; n < FRAME_SAMPLES; n++) {
      const at = ((from + n) % KEPT) * 2
      into[2 * n] = (into[2 * n] ?? 0) + (this.#samples[at] ?? 0) / 0x8000
      into[2 * n + 1] = (into[2 * n + 1] ?? 0) + (this.#samples[at + 1] ?? 0) / 0x8000
      this.#samples[at] = 0
      this.#samples[at + 1] = 0
    }
    this.#mixed = from + FRAME_SAMPLES
  }

  /** It says nothing for now: what it begins with again has a time of its own. */
  rest(): void {
    this.#decoder?.end()
    this.#decoder = undefined
  }

  close(): void {
    this.#decoder?.kill()
    this.#decoder = undefined
  }

  #begin(ms: number): GridDecoder {
    this.#decoder?.end()
    this.#startMs = ms
    this.#lastMs = ms
    this.#beganMs = ms
    let next = Math.round((ms * SAMPLE_RATE) / 1_000)
    const decoder = new GridDecoder({
      program: this.#program,
      args: voiceArguments(),
      unitBytes: UNIT_BYTES,
      onUnit: unit => {
        this.#keep(next, unit)
        next += UNIT_SAMPLES
      },
    })
    this.#decoder = decoder
    decoder.write(matroskaHead([{ mimeType: this.#mimeType }]))
    decoder.write(matroskaFrame(0, { ms: 0, data: OPUS_SILENCE, isKey: true }))
    return decoder
  }

  #keep(first: number, unit: Buffer): void {
    for (let n = 0; n < UNIT_SAMPLES; n++) {
      const sample = first + n
      // Too late, or so early that it would be in the place of what is not mixed yet.
      if (sample < this.#mixed || sample >= this.#mixed + KEPT) continue
      const at = (sample % KEPT) * 2
      this.#samples[at] = unit.readInt16LE(n * 4)
      this.#samples[at + 1] = unit.readInt16LE(n * 4 + 2)
    }
  }
}
