import type { Writable } from 'node:stream'

/** So many messages are kept as they come; then they are copied into one block. */
const BLOCK_MESSAGES = 64

/**
 * What waits for a connection to take it. A stream keeps some 250 bytes about each piece it is handed, so handed all, it
 * would keep a limit in bytes for large messages only. What comes in one turn of the event loop, and while the network is
 * behind, is one write, over TLS one record.
 */
export class SendQueue {
  readonly #target: Writable
  #blocks: Buffer[] = []
  /** What came after the blocks. */
  #messages: Buffer[] = []
  #heldBytes = 0
  #writing = 0
  #isFlushSet = false

  constructor(target: Writable) {
    this.#target = target
  }

  /** Bytes the connection has not taken yet. */
  get bytes(): number {
    return this.#heldBytes + this.#writing
  }

  /** @param message nobody may change from now on */
  push(message: Buffer): void {
    if (this.#messages.length === BLOCK_MESSAGES) this.#blocks.push(Buffer.concat(this.#messages.splice(0)))
    this.#messages.push(message)
    this.#heldBytes += message.length
    if (this.#isFlushSet || this.#writing > 0) return
    this.#isFlushSet = true
    // After what else has arrived by now was read.
    setImmediate(() => {
      this.#isFlushSet = false
      this.#flush()
    })
  }

  #flush(): void {
    const last = this.#messages.pop()
    if (!last || this.#target.destroyed) return
    this.#target.cork()
    for (const block of this.#blocks) this.#target.write(block)
    for (const message of this.#messages) this.#target.write(message)
    this.#writing = this.#heldBytes
    this.#target.write(last, () => {
      this.#writing = 0
      this.#flush()
    })
    this.#target.uncork()
    this.#blocks = []
    this.#messages = []
    this.#heldBytes = 0
  }
}
