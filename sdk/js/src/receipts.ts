type Kind = 'deliver' | 'read'

const BATCH_MS = 250

/**
 * Tells the server how far we received and read, a burst of messages in one request. What could not be sent is sent
 * after the next connect.
 */
export class ReceiptSender {
  readonly #send: (kind: Kind, seq: number) => Promise<unknown>
  readonly #wanted = { deliver: 0, read: 0 }
  readonly #sent = { deliver: 0, read: 0 }
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(send: (kind: Kind, seq: number) => Promise<unknown>) {
    this.#send = send
  }

  /** What the server knows already. */
  start(deliveredSeq: number, readSeq: number): void {
    this.#sent.deliver = deliveredSeq
    this.#sent.read = readSeq
    this.#schedule()
  }

  delivered(seq: number): void {
    this.#wanted.deliver = Math.max(this.#wanted.deliver, seq)
    this.#schedule()
  }

  read(seq: number): void {
    this.#wanted.read = Math.max(this.#wanted.read, seq)
    this.delivered(seq)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #schedule(): void {
    const due = this.#wanted.read > this.#sent.read || this.#wanted.deliver > this.#sent.deliver
    if (!due || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#flush()
    }, BATCH_MS)
  }

  async #flush(): Promise<void> {
    for (const kind of ['deliver', 'read'] as const) {
      const seq = this.#wanted[kind]
      if (seq <= this.#sent[kind]) continue
      this.#sent[kind] = seq
      // Lost with the connection: start() after the next one finds the difference.
      await this.#send(kind, seq).catch(() => undefined)
    }
  }
}
