import type { Page, Room } from '@trunkline/sdk'
import type { ReactiveController, ReactiveControllerHost } from 'lit'

/** A list of a room that is not in its state: asked for, and asked for again whenever memberships change. */
export class RoomPages<T> implements ReactiveController {
  items: readonly T[] = []
  /** There are more than are shown. */
  hasMore = false
  readonly #host: ReactiveControllerHost & { room: Room }
  readonly #ask: (room: Room) => Promise<Page<T>>
  #room: Room | undefined
  #stop: (() => void) | undefined

  constructor(host: ReactiveControllerHost & { room: Room }, ask: (room: Room) => Promise<Page<T>>) {
    this.#host = host
    this.#ask = ask
    host.addController(this)
  }

  hostUpdate(): void {
    const { room } = this.#host
    if (room === this.#room) return
    this.#stop?.()
    this.#room = room
    const stops = [
      room.on('event', ({ type }) => {
        if (type.startsWith('member.')) void this.#load(room)
      }),
      room.on('state', state => {
        if (state === 'open') void this.#load(room)
      }),
    ]
    this.#stop = () => {
      for (const stop of stops) stop()
    }
    void this.#load(room)
  }

  hostDisconnected(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#room = undefined
  }

  async #load(room: Room): Promise<void> {
    try {
      const { data, nextCursor } = await this.#ask(room)
      if (room !== this.#room) return
      this.items = data
      this.hasMore = nextCursor !== undefined
      this.#host.requestUpdate()
    } catch {
      // Without a connection it is asked for again once there is one; without the right there is nothing to show.
    }
  }
}
