import {
  type EventPage,
  LIMITS,
  type OpenedRoom,
  type RemovedStretch,
  type RequestData,
  type RoomEvent,
} from '@trunkline/protocol'
import { EventLog } from './event-log.ts'

/** Events asked for when a room is opened or scrolled back. */
export const PAGE = 50
/** With more than this missed, the latest page is shown and earlier ones are loaded on demand. */
const CATCH_UP_EVENTS = 1_000

/** A page of events, from wherever. */
type Stretch = Pick<EventPage, 'hasMore' | 'removed'> & { events: readonly RoomEvent[] }

export type LogSyncPort = {
  sync: (request: Omit<RequestData<'room:sync'>, 'roomId'>) => Promise<EventPage>
  /** The log begins anew with these: what was known before is not part of it any more. */
  started: (events: readonly RoomEvent[]) => void
  /** New events in order, each once. */
  appended: (events: RoomEvent[]) => void
  /** Earlier ones, before all that were known. */
  prepended: (events: RoomEvent[]) => void
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
  #removed: RemovedStretch | undefined

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

  /** Number of the first event known. */
  get first(): number | undefined {
    return this.#log.first
  }
  /** What retention took out of the log while it was not looked at: these numbers will not come. */
  get removed(): RemovedStretch | undefined {
    return this.#removed
  }

  /** Takes the answer of a `room:open` that asked for events `after`. */
  opened({ room, ...page }: OpenedRoom, after: number | undefined): void {
    if (after === undefined) {
      this.#removed = page.removed
      this.#hasEarlier = page.hasMore
      this.#start(page.events, room.lastSeq)
    } else if (room.lastSeq < after || room.lastSeq - after > CATCH_UP_EVENTS) {
      // Shorter than it was: another database, restored from a backup.
      void this.#restart(room.lastSeq)
    } else {
      this.#append(page)
    }
  }

  append(events: readonly RoomEvent[]): void {
    this.#append({ events, hasMore: false })
  }

  #start(events: readonly RoomEvent[], last: number): void {
    const waited = this.#log.start(events, last)
    this.#port.started(events)
    if (waited.length > 0) this.#port.appended(waited)
  }

  /** What follows the last known event. */
  #append({ events, hasMore, removed }: Stretch): void {
    if (removed && removed.to > (this.#log.last ?? 0)) {
      // Retention took what would have come next, and so everything before it.
      this.#removed = removed
      this.#hasEarlier = false
      this.#start([], removed.to)
    }
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
    this.#removed = page.removed ?? this.#removed
    this.#port.prepended(earlier)
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
      this.#append(page)
      // A gap may have shown while the server answered; this question began before it.
      more = (page.hasMore || this.#log.gap) && (this.#log.last ?? 0) > after
    }
  }

  /** Away for too long to read everything: the latest page instead. */
  async #restart(lastSeq: number): Promise<void> {
    const page = await this.#port.sync({ limit: PAGE }).catch(() => undefined)
    if (!page) return
    this.#removed = page.removed
    this.#hasEarlier = page.hasMore
    this.#start(page.events, lastSeq)
  }
}
