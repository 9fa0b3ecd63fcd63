import { Transform, type TransformCallback } from 'node:stream'

/*
 * What a worker and its engine say to each other is a stream of bytes in each direction. On the way between two machines it
 * is cut into frames, each behind its length (32 bits, big-endian), so that an empty one can say between two others that the
 * line still holds: a connection whose other end is unplugged looks, to TCP, like one where nobody has anything to say.
 */

const HEADER_BYTES = 4
const BEAT = Buffer.alloc(HEADER_BYTES)
const BEAT_MS = 1_000
/** A line that has been silent for so long is broken. Milliseconds. */
const SILENCE_MS = 5_000
/** It is counted in so many parts: a process that could not listen for a while has missed one of them, not all. */
const TICKS = 5

/** Bytes into frames, and an empty frame each second. */
export class Framer extends Transform {
  readonly #timer: NodeJS.Timeout

  constructor(beatMs = BEAT_MS) {
    super()
    this.#timer = setInterval(() => {
      // What waits for a line that is stuck need not become more.
      if (this.readableLength === 0) this.push(BEAT)
    }, beatMs)
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    header.writeUInt32BE(chunk.length)
    this.push(header)
    done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    clearInterval(this.#timer)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#timer)
    done(error)
  }
}

/** Frames into bytes, as they come: none is held back until it is whole. Fails when the line is silent. */
export class Deframer extends Transform {
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  /** Of the frame that is being read. */
  #missing = 0
  #silentTicks = 0
  readonly #timer: NodeJS.Timeout

  constructor(silenceMs = SILENCE_MS) {
    super()
    this.#timer = setInterval(() => {
      // While nobody takes what came, nothing more is read from the line, and it may say what it likes.
      this.#silentTicks = this.readableLength === 0 ? this.#silentTicks + 1 : 0
      if (this.#silentTicks > TICKS) this.destroy(new Error(`nothing was heard for ${silenceMs} ms`))
    }, silenceMs / TICKS)
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#silentTicks = 0
    let rest = chunk
    while (rest.length > 0) rest = rest.subarray(this.#missing > 0 ? this.#body(rest) : this.#head(rest))
    done()
  }

  /** @returns how many bytes it took */
  #body(bytes: Buffer): number {
    const part = bytes.subarray(0, this.#missing)
    this.#missing -= part.length
    this.push(part)
    return part.length
  }

  #head(bytes: Buffer): number {
    const length = bytes.copy(this.#header, this.#headerBytes)
    this.#headerBytes += length
    if (this.#headerBytes === HEADER_BYTES) {
      this.#missing = this.#header.readUInt32BE()
      this.#headerBytes = 0
    }
    return length
  }

  override _flush(done: TransformCallback): void {
    clearInterval(this.#timer)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#timer)
    done(error)
  }
}
