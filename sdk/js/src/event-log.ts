import type { RoomEvent } from '@trunkline/protocol'

/**
 * A stretch of a room's log without holes. What arrives early waits; `gap` says that something before it is missing
 * and `after: last` is to be asked for. What arrives twice is dropped.
 */
export class EventLog {
  #events: readonly RoomEvent[] = []
  #last: number | undefined
  readonly #ahead = new Map<number, RoomEvent>()

  /** Ascending, without holes. A new array after each change. */
  get events(): readonly RoomEvent[] {
    return this.#events
  }

  /** Number of the last event known; 0 in an empty log, undefined before the first page. */
  get last(): number | undefined {
    return this.#last
  }

  /** Number of the first event held. */
  get first(): number | undefined {
    return this.#events[0]?.seq
  }

  /** Whether events wait for others before them. */
  get gap(): boolean {
    return this.#last !== undefined && this.#ahead.size > 0
  }

  /** Begins anew with a page. `last` is the position before what comes next, for an empty one. Returns what had waited for it. */
  start(events: readonly RoomEvent[], last: number): RoomEvent[] {
    this.#events = [...events]
    this.#last = events.at(-1)?.seq ?? last
    return this.#drain()
  }

  /** Takes events in any order; returns those that now follow without a hole. */
  append(events: readonly RoomEvent[]): RoomEvent[] {
    for (const event of events) {
      if (this.#last === undefined || event.seq > this.#last) this.#ahead.set(event.seq, event)
    }
    return this.#drain()
  }

  /** Takes the page before `first`; returns what was new of it. */
  prepend(events: readonly RoomEvent[]): RoomEvent[] {
    const first = this.first ?? (this.#last ?? 0) + 1
    const earlier = events.filter(event => event.seq < first)
    if (earlier.length > 0 && earlier.at(-1)?.seq !== first - 1) return []
    this.#events = [...earlier, ...this.#events]
    return earlier
  }

  #drain(): RoomEvent[] {
    const ready: RoomEvent[] = []
    if (this.#last === undefined) return ready
    for (const seq of this.#ahead.keys()) if (seq <= this.#last) this.#ahead.delete(seq)
    for (let event = this.#ahead.get(this.#last + 1); event; event = this.#ahead.get(event.seq + 1)) {
      this.#ahead.delete(event.seq)
      this.#last = event.seq
      ready.push(event)
    }
    if (ready.length > 0) this.#events = [...this.#events, ...ready]
    return ready
  }
}
