import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { encoderArguments } from './arguments.ts'
import { type LiveProgram, type RunningProgram, startProgram } from './program.ts'

export type Segment = { bytes: Buffer; seconds: number }

/** Makes segments of pictures and sound, one after another, as long as the stream is. */
export class Encoder {
  readonly #running: RunningProgram
  readonly #folder: string
  readonly #onSegment: (segment: Segment) => void
  readonly #read: Promise<void>

  constructor(options: {
    program: LiveProgram
    /** For segments on their way; of this encoder alone. */
    folder: string
    onSegment: (segment: Segment) => void
  }) {
    this.#folder = options.folder
    this.#onSegment = options.onSegment
    this.#running = startProgram(options.program, encoderArguments(join(options.folder, '%d.ts')), {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    })
    this.#read = this.#readList(this.#running.child.stdout as Readable)
    this.#read.catch(() => undefined)
  }

  /**
   * The next frame and the sound that goes with it; resolves when another may come.
   * @throws Error when the encoder has ended
   */
  async write(picture: Uint8Array, sound: Float32Array): Promise<void> {
    await Promise.all([
      this.#send(3, picture),
      this.#send(4, new Uint8Array(sound.buffer, sound.byteOffset, sound.byteLength)),
    ])
  }

  /** Resolves once the last segment was handed out. @throws Error when it did not end well */
  async end(): Promise<void> {
    for (const pipe of [3, 4]) (this.#running.child.stdio[pipe] as Writable).end()
    const { how, said } = await this.#running.ended
    await this.#read
    if (how !== 0) throw new Error(`the encoder ended with ${how}: ${said}`)
  }

  kill(): void {
    this.#running.kill()
  }

  async #send(pipe: 3 | 4, bytes: Uint8Array): Promise<void> {
    const stream = this.#running.child.stdio[pipe] as Writable
    if (stream.destroyed || this.#running.child.exitCode !== null) await this.#fail()
    if (stream.write(bytes)) return
    await Promise.race([once(stream, 'drain'), this.#running.ended.then(() => this.#fail())])
  }

  async #fail(): Promise<never> {
    const { how, said } = await this.#running.ended
    throw new Error(`the encoder ended with ${how}: ${said}`)
  }

  /** Each line is a segment that is there: its name, and from when to when it is. */
  async #readList(output: Readable): Promise<void> {
    for await (const line of createInterface({ input: output })) {
      const [name = '', from = '', to = ''] = line.split(',')
      const path = join(this.#folder, basename(name))
      const bytes = await readFile(path)
      await rm(path)
      this.#onSegment({ bytes, seconds: Number(to) - Number(from) })
    }
  }
}
