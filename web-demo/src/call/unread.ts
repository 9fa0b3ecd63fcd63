import type { Room } from '@trunkline/sdk'

/** Counts what others wrote while the chat was not looked at, and tells the server what was read. */
export class Unread {
  count = 0
  readonly #room: Room
  readonly #changed: () => void
  readonly #stops: (() => void)[]
  #seen = false

  constructor(room: Room, changed: () => void) {
    this.#room = room
    this.#changed = changed
    const look = () => this.#look()
    this.#stops = [
      room.on('message', event => {
        if (event.sender !== room.me?.user.id) this.count += 1
        this.#look()
        this.#changed()
      }),
      () => document.removeEventListener('visibilitychange', look),
    ]
    document.addEventListener('visibilitychange', look)
  }

  /** Whether the chat is on the screen. */
  setSeen(seen: boolean): void {
    this.#seen = seen
    this.#look()
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  #look(): void {
    if (!this.#seen || document.hidden) return
    this.#room.markRead()
    if (this.count === 0) return
    this.count = 0
    queueMicrotask(this.#changed)
  }
}
