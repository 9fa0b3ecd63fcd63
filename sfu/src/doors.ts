import { Door } from './door.ts'
import type { Notices } from './notices.ts'

/** The doors of rooms that have a call, or somebody who waits for one. */
export class Doors {
  readonly #notices: Notices
  readonly #doors = new Map<string, Door>()

  constructor(notices: Notices) {
    this.#notices = notices
  }

  /** The room's door, made when there is none. */
  at(roomId: string): Door {
    const known = this.#doors.get(roomId)
    if (known) return known
    this.#sweep()
    const door = new Door(roomId, this.#notices)
    this.#doors.set(roomId, door)
    return door
  }

  find(roomId: string): Door | undefined {
    return this.#doors.get(roomId)
  }

  /** The room is another process's. */
  forget(roomId: string): void {
    this.#doors.get(roomId)?.close()
    this.#doors.delete(roomId)
  }

  close(): void {
    for (const door of this.#doors.values()) door.close()
    this.#doors.clear()
  }

  /** Drops those nobody needs any more: looked for when another is made, so that there are never more than were needed at once. */
  #sweep(): void {
    for (const [roomId, door] of this.#doors) if (door.isIdle) this.#doors.delete(roomId)
  }
}
