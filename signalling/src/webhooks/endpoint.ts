import { Alarm, type Logger } from '@trunkline/kit'
import { type EventFilter, isWanted, LIMITS } from '@trunkline/protocol'
import type { EventStream } from '../log/event-stream.ts'
import type { ToldEvent } from '../log/told-events.ts'
import { retryDelay } from '../outbound/retry.ts'
import { signedHeaders } from '../outbound/signature.ts'
import { Lane } from './lane.ts'
import { eventIdOf, outgoing } from './outgoing.ts'
import { Pulse } from './pulse.ts'
import { Sender, type Sent } from './sender.ts'
import type { WebhookTraffic } from './webhook-metrics.ts'
import {
  type AttemptOf,
  filterOf,
  type GivenUp,
  type WebhookRow,
  type WebhookStore,
} from './webhook-store.ts'

/** Events read at once. */
const PAGE = 500
/** Requests to one endpoint at once, each of another room. */
const AT_ONCE = 64
/** Rooms that may wait, and events of all of them in memory, before no more is read. */
const LANES_MAX = 1_000
const KEPT_MAX = 2_000
/** Attempts, or ms, after which it is written down how far it is: so much is sent twice when a process dies. */
const WRITE_EVERY = 500
const WRITE_MS = 500
/** How often lanes that wait are looked at, ms. */
const LOOK_MS = 200
/** How often it is written down that nothing happened, ms. */
const NOTHING_MS = 30_000
/** Events of a room that is behind, read at once. */
const CATCH_UP = 100
/** Attempts between two looks at how long the delivery log is. */
const PRUNE_EVERY = 500
/** How long answers are waited for by a process that ends, ms. */
const GRACE_MS = 1_000
/** Those that waited for an endpoint that was dead come back within this, ms. */
const BACK_MS = 10_000

type Deps = {
  store: WebhookStore
  stream: EventStream
  traffic: WebhookTraffic
  logger: Logger
  allowsPrivate: boolean
}

/**
 * Tells one endpoint of events while this process holds it. It reads the log and gives each room with news a lane of its own; a
 * lane that fails waits and comes again, the others go on. How far all of it is, is written down after each stretch: what
 * was sent since then is sent again when the process dies.
 */
export class Endpoint {
  readonly #row: WebhookRow
  readonly #deps: Deps
  readonly #filter: EventFilter
  readonly #secrets: readonly string[]
  readonly #sender: Sender
  readonly #pulse: Pulse
  /** By the number of their room. */
  readonly #lanes = new Map<number, Lane>()
  /** The latest of each id of a room. */
  readonly #latest = new Map<string, Lane>()
  /** Numbers of rooms whose rows are to go. */
  readonly #free = new Set<number>()
  #attempts: AttemptOf[] = []
  #givenUp: GivenUp[] = []
  #cursor: string
  #cursorAt: Date
  /** When it was last looked whether there is something to write down; when something was, and as what. */
  #written = { at: 0, wroteAt: 0, failing: '', cursorAt: 0 }
  #logged = 0
  #running = 0
  /** Whether the log may hold more than was read. */
  #hasNews = true
  #writing: Promise<void> | undefined
  #fault: unknown
  #isStopped = false
  readonly #alarm = new Alarm()
  #work: Promise<void> | undefined
  /** Until when this process may send (`performance.now()`). */
  #heldUntil = 0
  #lapse: NodeJS.Timeout | undefined

  constructor(row: WebhookRow, deps: Deps) {
    this.#row = row
    this.#deps = deps
    this.#filter = filterOf(row)
    this.#secrets = deps.store.secretsOf(row)
    this.#sender = new Sender(row.url, { allowsPrivate: deps.allowsPrivate })
    this.#pulse = new Pulse(row)
    this.#cursor = row.cursor
    this.#cursorAt = row.cursorAt
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** @param ms this process holds it for so long from now on, if it does not say so again */
  held(ms: number): void {
    this.#heldUntil = performance.now() + ms
    clearTimeout(this.#lapse)
    // What is under way then is another's to send.
    this.#lapse = setTimeout(() => this.#cut(), ms)
  }

  start(): void {
    this.#work ??= this.#run().catch(error => {
      // Another process, or this one a moment later, goes on from what is written down.
      this.#deps.logger.warn(
        { err: error, webhook: this.#row.id },
        'a webhook stands still; it is tried again',
      )
      this.#isStopped = true
    })
  }

  /** There may be something new. */
  look(): void {
    this.#hasNews = true
    this.#alarm.ring()
  }

  /** Gives what is under way a moment, cuts it off then, and writes down how far it is. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#alarm.ring()
    const cut = setTimeout(() => this.#cut(), GRACE_MS)
    await this.#work
    clearTimeout(cut)
    clearTimeout(this.#lapse)
    this.#cut()
  }

  #cut(): void {
    this.#isStopped = true
    this.#sender.close()
    this.#alarm.ring()
  }

  async #run(): Promise<void> {
    for (const row of await this.#deps.store.lanes(this.#row.id)) this.#keep(Lane.of(row))
    while (!this.#isStopped) {
      if (this.#hasNews && this.#hasPlace) {
        this.#hasNews = false
        if (await this.#read()) this.#hasNews = true
      }
      this.#startLanes()
      this.#writeIfDue()
      if (!this.#hasNews || !this.#hasPlace) await this.#alarm.sleep(LOOK_MS)
    }
    while (this.#running > 0) await this.#alarm.sleep(GRACE_MS)
    await this.#writing
    if (this.#fault) throw this.#fault
    await this.#write()
  }

  /** Of one that is dead only as much is read as to have something to try. */
  get #hasPlace(): boolean {
    const lanes = [...this.#lanes.values()]
    const kept = lanes.reduce((sum, { queue }) => sum + queue.length, 0)
    if (lanes.length >= LANES_MAX || kept >= KEPT_MAX) return false
    return !this.#pulse.isDead || !lanes.some(lane => lane.attempts === 0)
  }

  /** @returns whether there is more */
  async #read(): Promise<boolean> {
    const stretch = await this.#deps.stream.read(this.#cursor, PAGE)
    if (!stretch) {
      // The database is another by now, or went back: the time is what is left to go by.
      this.#cursor = await this.#deps.stream.at(this.#cursorAt)
      return true
    }
    for (const told of stretch.events) {
      const { event, room } = told
      this.#cursorAt = new Date(event.at)
      if (!isWanted(this.#filter, event, room.metadata)) continue
      const lane = this.#lanes.get(room.number)
      if (lane) lane.add(told)
      else this.#keep(Lane.at(told))
    }
    this.#cursor = stretch.cursor
    return !stretch.isEnd
  }

  #keep(lane: Lane): void {
    const ahead = this.#latest.get(lane.roomId)
    if (ahead) lane.follow(ahead)
    this.#latest.set(lane.roomId, lane)
    this.#lanes.set(lane.number, lane)
  }

  #drop(lane: Lane): void {
    this.#lanes.delete(lane.number)
    if (this.#latest.get(lane.roomId) === lane) this.#latest.delete(lane.roomId)
    if (lane.written !== undefined) this.#free.add(lane.number)
  }

  /** A process that stood still may not know that another took over. */
  get #isHeld(): boolean {
    return performance.now() <= this.#heldUntil
  }

  #startLanes(): void {
    // What is begun and not sent would be begun again at once, for ever: nothing else would be done, this included.
    if (this.#isStopped || !this.#isHeld) return
    if (this.#pulse.isDead) {
      const [first] = [...this.#lanes.values()]
        .filter(lane => lane.isDue(Number.POSITIVE_INFINITY))
        .sort((a, b) => a.attempts - b.attempts || a.retryAt - b.retryAt)
      if (first && this.#running === 0 && Date.now() >= this.#pulse.retryAt) this.#begin(first, 1)
      // Nothing is left to try it with.
      if (this.#lanes.size === 0) this.#pulse.taken()
      return
    }
    const now = Date.now()
    for (const lane of this.#lanes.values()) {
      if (this.#running >= AT_ONCE) return
      if (lane.isDue(now)) this.#begin(lane, Number.POSITIVE_INFINITY)
    }
  }

  #begin(lane: Lane, most: number): void {
    lane.isRunning = true
    this.#running += 1
    void this.#go(lane, most).finally(() => {
      lane.isRunning = false
      this.#running -= 1
      if (lane.isDone) this.#drop(lane)
      // Room for one that had none. What was read meanwhile, and what is to be, is the loop's.
      this.#startLanes()
      this.#alarm.ring()
    })
  }

  /** Sends what waits in a room, until something is not taken. */
  async #go(lane: Lane, most: number): Promise<void> {
    try {
      for (let sent = 0; sent < most && !this.#isStopped && lane.from <= lane.until; sent++) {
        const told = await this.#next(lane)
        if (told && !(await this.#send(lane, told))) return
      }
    } catch (error) {
      this.#deps.logger.warn(
        { err: error, webhook: this.#row.id },
        'events of a room could not be read; it is tried again',
      )
      lane.retryAt = Date.now() + 1_000
    }
  }

  /** The next event to be sent; nothing when those that were looked at are not wanted. */
  async #next(lane: Lane): Promise<ToldEvent | undefined> {
    const [first] = lane.queue
    if (first) return first
    const { from, until: to } = lane
    const found = lane.isWhole ? [] : await this.#deps.store.eventsOf(lane, { from, to, limit: CATCH_UP })
    lane.queue = found.filter(({ event, room }) => isWanted(this.#filter, event, room.metadata))
    if (lane.queue.length === 0) lane.passed(found.length === CATCH_UP ? (found.at(-1)?.event.seq ?? to) : to)
    return lane.queue[0]
  }

  /** @returns whether to go on with what comes after it */
  async #send(lane: Lane, told: ToldEvent): Promise<boolean> {
    if (!this.#isHeld) return false
    const at = new Date()
    const body = JSON.stringify(outgoing(told))
    const headers = signedHeaders(this.#secrets, eventIdOf(told), at, body)
    const sent = await this.#deps.traffic.during({}, () => this.#sender.send(headers, body, at))
    // What was cut off by stopping says nothing of the endpoint.
    if (this.#isStopped && !sent.delivered) return false
    this.#attempts.push({ told, url: this.#row.url, sent })
    if (!sent.delivered) return this.#failed(lane, told, sent)
    this.#deps.traffic.count({}, 'taken')
    lane.passed(told.event.seq)
    if (this.#pulse.taken()) this.#bringBack()
    return true
  }

  /** It takes events again: those that waited for that come soon, and not all at once. */
  #bringBack(): void {
    const now = Date.now()
    for (const lane of this.#lanes.values()) {
      lane.retryAt = Math.min(lane.retryAt, now + Math.round(Math.random() * BACK_MS))
    }
  }

  /** @returns whether the event was given up, and what comes after it is next */
  #failed(lane: Lane, told: ToldEvent, { at, problem = '', retryAfterMs = 0 }: Sent): boolean {
    this.#pulse.failed(lane.roomId, at, problem, retryAfterMs)
    const { firstAttemptAt = at } = lane
    if (Date.now() - firstAttemptAt.getTime() >= LIMITS.webhookGiveUpMs) {
      this.#deps.traffic.count({}, 'given_up')
      this.#givenUp.push({ told, attempts: lane.attempts + 1, firstAttemptAt, problem })
      lane.passed(told.event.seq)
      return true
    }
    this.#deps.traffic.count({}, 'retried')
    const delay = Math.max(retryDelay(lane.attempts + 1), Math.min(retryAfterMs, LIMITS.webhookRetryMs))
    lane.failed(at, problem, Date.now() + delay)
    return false
  }

  /** Beside what is sent and read, one time after the other. */
  #writeIfDue(): void {
    const isDue = this.#attempts.length >= WRITE_EVERY || performance.now() - this.#written.at >= WRITE_MS
    if (this.#writing || !isDue) return
    this.#writing = this.#write()
      .then(
        isHeld => {
          if (!isHeld) this.#isStopped = true
        },
        error => {
          this.#fault = error
          this.#isStopped = true
        },
      )
      .finally(() => {
        this.#writing = undefined
        this.#alarm.ring()
      })
  }

  /** @returns whether this process still holds the endpoint */
  async #write(): Promise<boolean> {
    const { store } = this.#deps
    const { id } = this.#row
    const [attempts, givenUp] = [this.#attempts.splice(0), this.#givenUp.splice(0)]
    const free = [...this.#free].filter(number => !this.#lanes.has(number))
    this.#free.clear()
    const lanes = [...this.#lanes.values()].filter(lane => lane.isChanged)
    const { failing } = this.#pulse
    const said = JSON.stringify(failing ?? null)
    const [cursor, cursorAt] = [this.#cursor, this.#cursorAt]
    const { wroteAt, failing: before, cursorAt: cursorBefore } = this.#written
    const isNews =
      lanes.length > 0 ||
      free.length > 0 ||
      givenUp.length > 0 ||
      said !== before ||
      cursorAt.getTime() !== cursorBefore
    const now = performance.now()
    this.#written.at = now
    if (!isNews && attempts.length === 0 && now - wroteAt < NOTHING_MS) return true
    const rows = lanes.map(lane => lane.toRow(id))
    const isHeld = await store.progress(id, { cursor, cursorAt, lanes: rows, free, givenUp, failing })
    this.#written = { at: now, wroteAt: now, failing: said, cursorAt: cursorAt.getTime() }
    await store.log(id, attempts)
    this.#logged += attempts.length
    if (this.#logged >= PRUNE_EVERY) {
      this.#logged = 0
      await store.prune(id, LIMITS.webhookAttemptsKept)
    }
    return isHeld
  }
}
