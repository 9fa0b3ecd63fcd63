const BATCH_MS = 250

/**
 * Tells the server what reached this device in rooms that are not open, room after room: two ticks for who wrote,
 * although nobody looks yet.
 */
export class Deliveries {
  readonly #send: (roomId: string, seq: number) => Promise<unknown>
  readonly #due = new Map<string, number>()
  readonly #told = new Map<string, number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isBusy = false

  /** @param send may fail: what was not told is told with the next message, or after the next connect */
  constructor(send: (roomId: string, seq: number) => Promise<unknown>) {
    this.#send = send
  }

  /** Everything up to `seq` is here. */
  add(roomId: string, seq: number): void {
    if (seq <= (this.#told.get(roomId) ?? 0)) return
    this.#told.set(roomId, seq)
    this.#due.set(roomId, seq)
    this.#timer ??= setTimeout(() => void this.#flush(), BATCH_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#due.clear()
  }

  async #flush(): Promise<void> {
    this.#timer = undefined
    if (this.#isBusy) return
    this.#isBusy = true
    // One at a time: after a day away these may be hundreds, and nobody waits for them.
    for (const [roomId, seq] of this.#due) {
      this.#due.delete(roomId)
      await this.#send(roomId, seq).catch(() => this.#told.delete(roomId))
    }
    this.#isBusy = false
  }
}
