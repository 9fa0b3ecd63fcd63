import {
  type EventPage,
  LIMITS,
  type OpenedRoom,
  type RequestData,
  type RoomEvent,
} from '@trunkline/protocol'
import { EventLog } from './event-log.ts'

/** Events asked for when a room is opened or scrolled back. */
export const PAGE = 50
/** With more than this missed, the latest page is shown and earlier ones are loaded on demand. */
const CATCH_UP_EVENTS = 1_000

export type LogSyncPort = {
  sync: (request: Omit<RequestData<'room:sync'>, 'roomId'>) => Promise<EventPage>
  /** New events in order, each once. */
  appended: (events: RoomEvent[]) => void
  changed: () => void
}

/**
 * Keeps a room's log whole: takes what is delivered, asks for what is missing. No delivery has to be perfect; a
 * failed question is asked again when the next event or the next connect shows the same gap.
 */
export class LogSync {
  readonly #port: LogSyncPort
  readonly #log = new EventLog()
  #filling: Promise<void> | undefined
  #hasEarlier = false

  constructor(port: LogSyncPort) {
    this.#port = port
  }

  get events(): readonly RoomEvent[] {
    return this.#log.events
  }
  /** Number of the last event known; undefined before the first page. */
  get last(): number | undefined {
    return this.#log.last
  }
  get hasEarlier(): boolean {
    return this.#hasEarlier
  }

  /** Takes the answer of a `room:open` that asked for events `after`. */
  opened({ events, hasMore, room }: OpenedRoom, after: number | undefined): void {
    if (after === undefined) {
      this.#log.start(events, room.lastSeq)
      this.#hasEarlier = hasMore
    } else if (room.lastSeq - after > CATCH_UP_EVENTS) {
      void this.#restart(room.lastSeq)
    } else {
      this.append(events, hasMore)
    }
  }

  append(events: readonly RoomEvent[], hasMore = false): void {
    const ready = this.#log.append(events)
    if (ready.length > 0) this.#port.appended(ready)
    if (hasMore || this.#log.gap) this.#fill()
  }

  /** The page before the first known event. */
  async loadEarlier(limit = PAGE): Promise<RoomEvent[]> {
    const before = this.#log.first
    if (before === undefined || before <= 1 || !this.#hasEarlier) return []
    const page = await this.#port.sync({ before, limit })
    const earlier = this.#log.prepend(page.events)
    this.#hasEarlier = page.hasMore
    this.#port.changed()
    return earlier
  }

  #fill(): void {
    this.#filling ??= this.#sync()
      .catch(() => undefined)
      .finally(() => {
        this.#filling = undefined
      })
  }

  async #sync(): Promise<void> {
    for (let more = true; more; ) {
      const after = this.#log.last ?? 0
      const page = await this.#port.sync({ after, limit: LIMITS.pageSize })
      this.append(page.events)
      more = page.hasMore && (this.#log.last ?? 0) > after
    }
  }

  /** Away for too long to read everything: the latest page instead. */
  async #restart(lastSeq: number): Promise<void> {
    const page = await this.#port.sync({ limit: PAGE }).catch(() => undefined)
    if (!page) return
    this.#log.start(page.events, lastSeq)
    this.#hasEarlier = page.hasMore
    this.#port.changed()
  }
}
