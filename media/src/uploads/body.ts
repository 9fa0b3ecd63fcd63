import type { IncomingMessage } from 'node:http'
import { MEDIA_LIMITS } from '../limits.ts'
import type { ThreadHash } from './hash-thread.ts'
import type { Slab, Slabs } from './slabs.ts'

/** A slab in use: by whoever fills it, then by whoever writes it and by each hash. */
type Filled = { slab: Slab; size: number; users: number }

/** Node makes a buffer for each 64 KiB that come in. Of those that have their memory to themselves it is given back at once. */
const free = (chunk: Buffer): void => {
  const { buffer } = chunk
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0)
}

/**
 * The body of a request as far as it comes, gathered in slabs: one that breaks off ends, so that what came of it is kept. It is
 * received while what came before is written and hashed. As much as there is goes on when nothing else is under way: fast
 * clients fill slabs, and of slow ones nothing waits in memory.
 *
 * A chunk is good until the next one is asked for. It is read once.
 */
export class Body implements AsyncIterable<Uint8Array> {
  readonly #request: IncomingMessage
  readonly #most: number
  readonly #hashes: readonly ThreadHash[]
  readonly #slabs: Slabs
  /** Bytes that came. */
  #came = 0
  /** What is being filled. */
  #filling: Filled | undefined
  /** What is full, in order. */
  readonly #full: Filled[] = []
  /** Slabs in use. */
  #held = 0
  /** What came and has no place yet; the request waits until it has. */
  #left: { chunk: Buffer; from: number } | undefined
  /** Whether a slab was asked for that others have. */
  #queues = false
  #isEnded = false
  #isRead = false
  #looks = false
  /** Whoever reads, while there is nothing to be read. */
  #reader: (() => void) | undefined
  /** Whether more came than may. */
  isOver = false
  /** Whether it broke off. */
  isBroken = false

  /** @param most bytes of it that are read; a byte more and `isOver` is set */
  constructor(options: {
    request: IncomingMessage
    most: number
    hashes: readonly ThreadHash[]
    slabs: Slabs
  }) {
    this.#request = options.request
    this.#most = options.most
    this.#hashes = options.hashes
    this.#slabs = options.slabs
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const request = this.#request
    // That it broke off is seen when it closes.
    request.on('error', ignore)
    request.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onClose)
    // Its client may have gone while rights and quota were looked at.
    if (request.destroyed) this.#onClose()
    else request.resume()
    try {
      for (;;) {
        const filled = this.#full.shift()
        if (filled) {
          try {
            yield filled.slab.bytes.subarray(0, filled.size)
          } finally {
            this.#letGo(filled)
          }
        } else if (this.#isEnded) {
          return
        } else {
          const { promise, resolve } = Promise.withResolvers<void>()
          this.#reader = resolve
          this.#look()
          await promise
        }
      }
    } finally {
      this.#isRead = true
      this.#end()
      for (const filled of this.#full.splice(0)) this.#letGo(filled)
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#came += chunk.byteLength
    if (this.#came > this.#most) {
      this.isOver = true
      this.#end()
      return
    }
    this.#place(chunk, 0)
    this.#look()
  }

  readonly #onEnd = (): void => this.#end()

  readonly #onClose = (): void => {
    this.isBroken = true
    this.#end()
  }

  /** Stops listening: an answer is still to be sent, and what else comes is for others to read away. */
  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const request = this.#request
    request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    request.pause()
    this.#pass()
    this.#wake()
  }

  /** Writes a chunk from `from` on into slabs, as far as there are any. */
  #place(chunk: Buffer, from: number): void {
    for (let at = from; at < chunk.byteLength; ) {
      const filling = this.#filling ?? this.#take()
      if (!filling) {
        this.#left = { chunk, from: at }
        this.#request.pause()
        return
      }
      const part = chunk.subarray(at, at + MEDIA_LIMITS.slabBytes - filling.size)
      filling.slab.bytes.set(part, filling.size)
      filling.size += part.byteLength
      at += part.byteLength
      if (filling.size === MEDIA_LIMITS.slabBytes) this.#pass()
    }
    free(chunk)
  }

  #take(): Filled | undefined {
    if (this.#held >= MEDIA_LIMITS.slabsPerUpload || this.#queues) return undefined
    const slab = this.#slabs.take(this.#onFree)
    this.#queues = slab === undefined
    if (!slab) return undefined
    this.#held++
    this.#filling = { slab, size: 0, users: 0 }
    return this.#filling
  }

  readonly #onFree = (): void => {
    this.#queues = false
    this.#goOn()
  }

  /** Places what had no place. */
  #goOn(): void {
    const left = this.#left
    if (!left || this.#isEnded) return
    this.#left = undefined
    this.#place(left.chunk, left.from)
    if (!this.#left) this.#request.resume()
  }

  /** Passes on what is being filled, to whoever writes it and to the hashes. */
  #pass(): void {
    const filled = this.#filling
    if (!filled) return
    this.#filling = undefined
    const { slab, size } = filled
    filled.users = 1 + this.#hashes.length
    const done = () => this.#letGo(filled)
    for (const hash of this.#hashes) void hash.update(slab, size).then(done)
    if (this.#isRead) this.#letGo(filled)
    else this.#full.push(filled)
    this.#wake()
  }

  /** One of those who use a slab has done with it. */
  #letGo(filled: Filled): void {
    filled.users--
    if (filled.users > 0) return
    this.#held--
    this.#slabs.release(filled.slab)
    this.#goOn()
    this.#look()
  }

  /** Once all that came at the same time is here: passes it on, if nothing else is under way. */
  #look(): void {
    if (this.#looks) return
    this.#looks = true
    setImmediate(() => {
      this.#looks = false
      if (this.#reader && this.#held === 1) this.#pass()
    })
  }

  #wake(): void {
    this.#reader?.()
    this.#reader = undefined
  }
}

const ignore = (): void => undefined
