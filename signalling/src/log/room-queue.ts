import { TrunklineError } from '@trunkline/protocol'
import type { Appended, Entry } from './entry.ts'
import type { Outcome } from './write.ts'

/**
 * Batches on their way at once, each on a connection of its own. One at a time is fastest: the larger a batch, the less
 * each of its entries costs (500 rooms of 4: 9,700 sends a second with one, 7,600 with four). Others begin only when it
 * takes long, as where a room in it is locked by another node or the database is far.
 */
const BATCHES = 4
const LONG_MS = 25
const BATCH = { entries: 256, bytes: 1024 * 1024 }
/** Transactions on their way at once. They leave connections of the pool to those who read. */
const TURNS = 8
/** What may wait to be written. */
const WAITING = { entries: 10_000, bytes: 64 * 1024 * 1024 }
const RETRY_AFTER_MS = 1_000

type Waiting = {
  entry: Entry
  bytes: number
  isPlain: boolean
  settle(outcome: Outcome): void
}
/** Entries can share a transaction with others; a turn has its room to itself. */
type Item = Waiting | { begin(): Promise<void> }

/** What waits for one room, in the order it came, so that neither appends nor transactions starve. */
type Lane = { roomId: string; items: Item[]; isBusy: boolean }

/**
 * Orders all writing of a node to its rooms: what belongs to one room goes one after the other, appends to many rooms
 * share transactions (a commit waits for the disk, whether for one event or for hundreds). A room is in one batch or
 * one turn at a time, so what is announced when those end is announced in the order of the room.
 */
export class RoomQueue {
  readonly #commit: (entries: readonly Entry[]) => Promise<Outcome[]>
  readonly #isPlain: (entry: Entry) => boolean
  readonly #lanes = new Map<string, Lane>()
  /** Lanes that are free, by what they begin with. */
  readonly #toAppend = new Set<Lane>()
  readonly #toTurn = new Set<Lane>()
  #batches = 0
  #turns = 0
  #entries = 0
  #bytes = 0
  #isScheduled = false
  /** When the latest batch began, by performance.now(). */
  #batchBegan = 0
  #impatient: NodeJS.Timeout | undefined

  /**
   * @param commit writes entries in one transaction, with an outcome for each, and announces them
   * @param isPlain which of them can be written faster, if all that go with them can
   */
  constructor(commit: (entries: readonly Entry[]) => Promise<Outcome[]>, isPlain: (entry: Entry) => boolean) {
    this.#commit = commit
    this.#isPlain = isPlain
  }

  /**
   * Appends an entry in one transaction with others.
   * @throws TrunklineError `unavailable` when too much waits already; what its outcome refuses it with
   */
  append(entry: Entry): Promise<Appended> {
    const bytes = JSON.stringify(entry.data).length
    if (this.#entries >= WAITING.entries || this.#bytes + bytes > WAITING.bytes) {
      throw new TrunklineError(
        'unavailable',
        `More is being written than the database takes. Try again in ${RETRY_AFTER_MS} ms.`,
        { details: { retryAfterMs: RETRY_AFTER_MS } },
      )
    }
    this.#entries++
    this.#bytes += bytes
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome) => {
        this.#entries--
        this.#bytes -= bytes
        if ('refused' in outcome) reject(outcome.refused)
        else resolve(outcome.appended)
      }
      this.#add(entry.roomId, { entry, bytes, isPlain: this.#isPlain(entry), settle })
    })
  }

  /** Runs a task that has the room to itself on this node. */
  turn<R>(roomId: string, task: () => Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#add(roomId, { begin: () => task().then(resolve, reject) })
    })
  }

  #add(roomId: string, item: Item): void {
    let lane = this.#lanes.get(roomId)
    if (!lane) {
      lane = { roomId, items: [], isBusy: false }
      this.#lanes.set(roomId, lane)
    }
    lane.items.push(item)
    if (lane.items.length === 1) this.#line(lane)
  }

  /** Puts a lane where it is found for what it begins with. */
  #line(lane: Lane): void {
    if (lane.isBusy) return
    const [first] = lane.items
    if (!first) {
      this.#lanes.delete(lane.roomId)
      return
    }
    if ('begin' in first) this.#toTurn.add(lane)
    else this.#toAppend.add(lane)
    // Not at once: whatever else this turn of the event loop brings goes along.
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#pump)
  }

  readonly #pump = (): void => {
    this.#isScheduled = false
    for (const lane of this.#toTurn) {
      if (this.#turns >= TURNS) break
      void this.#runTurn(lane)
    }
    if (this.#toAppend.size === 0 || this.#batches === BATCHES) return
    const patience = this.#batches === 0 ? 0 : this.#batchBegan + LONG_MS - performance.now()
    if (patience <= 0) {
      void this.#runBatch()
      this.#pump()
    } else {
      this.#impatient ??= setTimeout(() => {
        this.#impatient = undefined
        this.#pump()
      }, patience)
    }
  }

  async #runTurn(lane: Lane): Promise<void> {
    this.#toTurn.delete(lane)
    this.#turns++
    lane.isBusy = true
    const turn = lane.items.shift()
    if (turn && 'begin' in turn) await turn.begin()
    this.#turns--
    this.#free([lane])
  }

  async #runBatch(): Promise<void> {
    const { lanes, batch } = this.#gather()
    this.#batches++
    this.#batchBegan = performance.now()
    const outcomes = await this.#outcomes(batch.map(({ entry }) => entry))
    for (const [at, { settle }] of batch.entries()) settle(outcomes[at] as Outcome)
    this.#batches--
    this.#free(lanes)
  }

  async #outcomes(entries: readonly Entry[]): Promise<Outcome[]> {
    try {
      return await this.#commit(entries)
    } catch (error) {
      return entries.map(() => ({ refused: error as Error }))
    }
  }

  #free(lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      lane.isBusy = false
      this.#line(lane)
    }
    // Also when nothing new is to be done in these rooms: others may wait for the place that became free.
    this.#pump()
  }

  /**
   * Takes what can be written together, room by room, those that wait longest first. Whether that is plain, the first of
   * them says; rooms that begin with the other kind stay where they are, and say so next.
   */
  #gather(): { lanes: Lane[]; batch: Waiting[] } {
    const lanes: Lane[] = []
    const batch: Waiting[] = []
    let bytes = 0
    for (const lane of this.#toAppend) {
      if (batch.length >= BATCH.entries || bytes >= BATCH.bytes) break
      let taken = 0
      for (const item of lane.items) {
        if ('begin' in item || batch.length >= BATCH.entries || bytes >= BATCH.bytes) break
        if (item.isPlain !== (batch[0] ?? item).isPlain) break
        batch.push(item)
        bytes += item.bytes
        taken++
      }
      if (taken === 0) continue
      this.#toAppend.delete(lane)
      lane.isBusy = true
      lanes.push(lane)
      lane.items.splice(0, taken)
    }
    return { lanes, batch }
  }
}
