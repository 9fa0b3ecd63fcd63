import type { Readable, Writable } from 'node:stream'
import { type LiveProgram, type RunningProgram, startProgram } from './program.ts'

/** Beyond this, what is written waits for a decoder that does not come along: it is given up. Bytes. */
const WAITING_BYTES = 16 * 1024 * 1024

/** A decoder that makes units of one size, one for each step of time, of what is written to it. */
export class GridDecoder {
  readonly #running: RunningProgram
  readonly #input: Writable
  readonly #unitBytes: number
  readonly #onUnit: (unit: Buffer) => void
  #unit: Buffer
  #filled = 0
  #isOver = false

  constructor(options: {
    program: LiveProgram
    args: readonly string[]
    /** bytes */
    unitBytes: number
    onUnit: (unit: Buffer) => void
  }) {
    this.#unitBytes = options.unitBytes
    this.#onUnit = options.onUnit
    this.#unit = Buffer.allocUnsafe(this.#unitBytes)
    this.#running = startProgram(options.program, options.args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#input = this.#running.child.stdin as Writable
    const output = this.#running.child.stdout as Readable
    output.on('data', (chunk: Buffer) => this.#take(chunk))
    void this.#running.ended.then(() => {
      this.#isOver = true
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  write(bytes: Uint8Array): void {
    if (this.#isOver || !this.#input.writable) return
    this.#input.write(bytes)
    if (this.#input.writableLength > WAITING_BYTES) this.kill()
  }

  /** It ends by itself once it has decoded what it has. */
  end(): void {
    this.#input.end()
  }

  kill(): void {
    this.#isOver = true
    this.#running.kill()
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(this.#unit, this.#filled, at)
      at += copied
      this.#filled += copied
      if (this.#filled < this.#unitBytes) return
      this.#onUnit(this.#unit)
      this.#unit = Buffer.allocUnsafe(this.#unitBytes)
      this.#filled = 0
    }
  }
}
