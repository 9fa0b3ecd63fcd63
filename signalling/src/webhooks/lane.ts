import type { ToldEvent } from '../log/told-events.ts'
import type { LaneRow } from './webhook-store.ts'

/** Events of one room kept in memory for being sent; a room that is further behind is read out of its log. */
const KEPT = 50

/** How one room of an endpoint goes on: event by event, each only after the one before it was taken. */
export class Lane {
  readonly roomId: string
  /** Tells the room from another of its id: each has a lane of its own. */
  readonly number: number
  /** Everything before was taken. */
  from: number
  /** The last event that was read of this room. */
  until: number
  /** What is to be sent, if all of it is here; else the next of it, and the rest is in the log. */
  queue: ToldEvent[] = []
  isWhole = false
  isRunning = false
  attempts = 0
  firstAttemptAt: Date | undefined
  retryAt = 0
  problem: string | undefined
  /** As a row says it is, if one does. */
  written: string | undefined

  /** That of the room which had this id before. */
  #ahead: Lane | undefined

  private constructor(room: { roomId: string; number: number }, from: number, until: number) {
    this.roomId = room.roomId
    this.number = room.number
    this.from = from
    this.until = until
  }

  /** A room in which nothing waited until this event. */
  static at(told: ToldEvent): Lane {
    const { roomId, seq } = told.event
    const lane = new Lane({ roomId, number: told.room.number }, seq, seq)
    lane.queue = [told]
    lane.isWhole = true
    return lane
  }

  static of(row: LaneRow): Lane {
    const lane = new Lane(row, row.seq, row.until)
    lane.attempts = row.attempts
    lane.firstAttemptAt = row.firstAttemptAt ?? undefined
    lane.retryAt = row.retryAt.getTime()
    lane.problem = row.problem ?? undefined
    lane.written = lane.#state
    return lane
  }

  /** Who is told of a room anew knows that the one before it ended. */
  follow(ahead: Lane): void {
    this.#ahead = ahead
  }

  /** Whether its next event may be sent now. */
  isDue(now: number): boolean {
    if (this.#ahead?.isDone) this.#ahead = undefined
    return !this.#ahead && !this.isRunning && this.retryAt <= now
  }

  get isDone(): boolean {
    return !this.isRunning && this.from > this.until
  }

  /** Whether its row says something else, or there is none. */
  get isChanged(): boolean {
    return this.written !== this.#state
  }

  add(told: ToldEvent): void {
    this.until = told.event.seq
    if (this.isWhole && this.queue.length < KEPT) this.queue.push(told)
    else this.isWhole = false
  }

  /** Up to here everything was taken, or is not wanted, or was given up. */
  passed(seq: number): void {
    if (this.queue[0]?.event.seq === seq) this.queue.shift()
    this.from = seq + 1
    this.attempts = 0
    this.firstAttemptAt = undefined
    this.problem = undefined
    this.retryAt = 0
  }

  /** What comes next is read anew by then: what it says may have been deleted. */
  failed(at: Date, problem: string, retryAt: number): void {
    this.queue = []
    this.isWhole = false
    this.attempts += 1
    this.firstAttemptAt ??= at
    this.problem = problem
    this.retryAt = retryAt
  }

  /** Its row, from now on thought to be written. */
  toRow(webhookId: string): LaneRow {
    this.written = this.#state
    return {
      webhookId,
      number: this.number,
      roomId: this.roomId,
      seq: this.from,
      until: this.until,
      attempts: this.attempts,
      firstAttemptAt: this.firstAttemptAt ?? null,
      retryAt: new Date(this.retryAt),
      problem: this.problem ?? null,
    }
  }

  get #state(): string {
    return `${this.from} ${this.until} ${this.attempts} ${this.retryAt}`
  }
}
