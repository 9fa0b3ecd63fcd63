import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Announcement,
  chosenFor,
  type Directory,
  KeyedMutex,
  type Logger,
  type Redis,
} from '@trunkline/kit'
import {
  CallCheckpoint,
  MODERATION_REQUESTS,
  type Sfu,
  type SfuEntry,
  type SfuNoticeListener,
  type SfuOverview,
  type SfuRequestData,
  type SfuRequestName,
  type SfuResponseData,
  TrunklineError,
} from '@trunkline/protocol'
import { unavailable } from '../refusals.ts'
import type { LocalSfu } from '../sfu.ts'
import { Homes } from './homes.ts'

/** What takes a room for this process where it has no call yet. The others find it without one. */
const TAKES: ReadonlySet<SfuRequestName> = new Set(['call:prepare', 'call:join', 'call:knock'])

/** What changes things of a call that its `call:changed` does not tell, or tells late. */
const CHANGES: ReadonlySet<string> = new Set([
  ...Object.keys(MODERATION_REQUESTS),
  'call:join',
  'call:resume',
  'call:leave',
  'call:dismiss',
])

/**
 * For so long after a checkpoint none is written, ms, and for so much longer for each who is in the call: it names them all, and
 * anybody in it may change something a hundred times a second.
 */
const WRITE_MS = 50
const WRITE_MS_EACH = 2
/** Every so many beats it is said that the checkpoints are needed still; they last for longer. */
const KEEP_BEATS = 10
/** How often rooms without a home are looked for, ms, beside whenever a process comes or goes. */
const SWEEP_MS = 10_000
/** How long requests under way may take before their room is given away, ms, and how often that is looked at. */
const FINISH_MS = 2_000
const LOOK_MS = 20
/** Rooms given away in one go: their people come back to other nodes at once. */
const ROOMS_AT_ONCE = 20
/** When those that could not be given away are tried again, ms. */
const AGAIN_MS = 1_000

type Held = {
  /** Requests under way. */
  users: number
  /** It is being given away. */
  isLeaving: boolean
  /** The checkpoint there is. */
  written: string | undefined
  /** Whether that may not be what it should be. */
  isDirty: boolean
  timer: NodeJS.Timeout | undefined
  /** When it was written last, by `performance.now()`. */
  writtenAt: number
}

export type FleetMemberOptions = {
  sfu: LocalSfu
  /** Connected. Stays its owner's to close. */
  redis: Redis
  directory: Directory<SfuEntry>
  /** Where other processes reach the link that serves this one. */
  url: string
  logger: Logger
}

/**
 * An SFU that is one of several. It has a room when Redis says so: it takes one that nobody has when somebody comes to it,
 * and goes on with calls whose process is gone, or gave them away, from what that wrote down. A room that another process
 * has is refused, with `elsewhere`; for who chooses, that is where to look again.
 */
export class FleetMember implements Sfu {
  readonly id: string
  readonly #sfu: LocalSfu
  readonly #directory: Directory<SfuEntry>
  readonly #url: string
  readonly #logger: Logger
  readonly #homes: Homes
  readonly #rooms = new Map<string, Held>()
  /** By room: taking it and giving it away. */
  readonly #order = new KeyedMutex()
  readonly #writing = new KeyedMutex()
  readonly #stops: (() => void)[]
  #announcement: Announcement | undefined
  #beats = 0
  #sweeping: NodeJS.Timeout | undefined
  #leaving: Promise<void> | undefined
  #isClosed = false

  constructor(options: FleetMemberOptions) {
    this.#sfu = options.sfu
    this.id = options.sfu.id
    this.#directory = options.directory
    this.#url = options.url
    this.#logger = options.logger
    this.#homes = new Homes(options.redis, this.id)
    this.#stops = [
      this.#sfu.onNotice((name, data) => {
        if (name === 'call:changed' || name === 'call:ended') {
          this.#changed((data as { roomId: string }).roomId)
        }
      }),
      this.#directory.onChange(() => this.#sweepSoon(0)),
    ]
    // A call whose media end with this process may go on elsewhere.
    this.#sfu.outlives(() => this.#successors().length > 0)
  }

  /** Announces it, once it is served, and goes on with calls that wait for somebody to. */
  async join(): Promise<void> {
    this.#announcement = await this.#directory.announce(this.id, () => this.#beat())
    await this.#directory.look()
    this.#sweepSoon(0)
  }

  /** @throws TrunklineError; `unavailable` with `elsewhere` for what another process has */
  async request<N extends SfuRequestName>(name: N, data: SfuRequestData<N>): Promise<SfuResponseData<N>> {
    if (name === 'sfu:overview') return this.#overview() as Promise<SfuResponseData<N>>
    if (name === 'sfu:drain')
      return this.#drain(data as SfuRequestData<'sfu:drain'>) as Promise<SfuResponseData<N>>
    if (name === 'sfu:mine') await this.#goOnWith(data as SfuRequestData<'sfu:mine'>)
    if (!('roomId' in data)) return this.#sfu.request(name, data)
    const { roomId } = data
    const done = await this.#enter(roomId, TAKES.has(name))
    try {
      return await this.#sfu.request(name, data)
    } finally {
      done()
      if (CHANGES.has(name)) this.#changed(roomId)
    }
  }

  onNotice(listener: SfuNoticeListener): () => void {
    return this.#sfu.onNotice(listener)
  }

  /** Within one process it is never out of reach. */
  onReconnect(): () => void {
    return () => {}
  }

  /**
   * Gives every room away, to processes that go on with their calls, and takes no more. Idempotent.
   * @throws TrunklineError `conflict` where there is no other
   */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave().catch(error => {
      this.#leaving = undefined
      throw error
    })
    return this.#leaving
  }

  /** Gives its calls to others where there are any, and is not in the directory any more. The SFU stays its owner's to close. */
  async close(): Promise<void> {
    await this.#directory.look()
    if (this.#successors().length > 0) await this.leave()
    this.#isClosed = true
    for (const stop of this.#stops.splice(0)) stop()
    clearTimeout(this.#sweeping)
    await this.#announcement?.stop()
    for (const { timer } of this.#rooms.values()) clearTimeout(timer)
    // Its calls end with it, which they say themselves: nobody is to go on with them.
    await Promise.allSettled(Array.from(this.#rooms.keys(), roomId => this.#homes.free(roomId, undefined)))
    this.#rooms.clear()
  }

  /** Others that take calls. */
  #successors(): string[] {
    return [...this.#directory.members].flatMap(([id, { draining }]) =>
      id !== this.id && !draining ? [id] : [],
    )
  }

  /** What is said in the directory, once it is known that what this process has is its own still. */
  async #beat(): Promise<SfuEntry> {
    await this.#look()
    const { load, capacity, workers } = this.#sfu.occupancy()
    return {
      url: this.#url,
      load,
      capacity,
      workers,
      draining: this.#leaving !== undefined,
    }
  }

  /** Brings its rooms in line with what Redis says of them. */
  async #look(): Promise<void> {
    this.#beats += 1
    const owners = await this.#homes.owners([...this.#rooms.keys()])
    const gone: string[] = []
    for (const [roomId, owner] of owners) {
      if (owner === this.id) continue
      // Redis has lost what it knew: it is told again. Another may have been faster.
      const isOurs = owner === null && (await this.#homes.enter(roomId, true)).owner === this.id
      const held = this.#rooms.get(roomId)
      if (isOurs && held) {
        held.written = undefined
        held.isDirty = true
      } else if (!isOurs && held && !held.isLeaving) {
        gone.push(roomId)
      }
    }
    await Promise.all(gone.map(roomId => this.#drop(roomId)))
    if (gone.length > 0) {
      this.#logger.warn({ roomIds: gone }, 'other SFUs went on with these calls: this one was thought gone')
      this.#sfu.tell('sfu:released', { roomIds: gone, handedOver: true })
    }
    if (this.#beats % KEEP_BEATS === 0) await this.#keep()
    for (const [roomId, held] of this.#rooms) if (held.isDirty) this.#changed(roomId)
    await this.#releaseIdle()
  }

  async #keep(): Promise<void> {
    const written = [...this.#rooms].flatMap(([roomId, held]) => (held.written === undefined ? [] : roomId))
    for (const roomId of await this.#homes.keep(written)) {
      const held = this.#rooms.get(roomId)
      if (!held) continue
      held.written = undefined
      held.isDirty = true
    }
  }

  /** Rooms with nothing in them are nobody's. */
  async #releaseIdle(): Promise<void> {
    const idle = [...this.#rooms.keys()].filter(roomId => this.#isIdle(roomId))
    const released: string[] = []
    for (const roomId of idle) {
      await this.#order.run(roomId, async () => {
        const held = this.#rooms.get(roomId)
        if (!held || !this.#isIdle(roomId)) return
        held.isLeaving = true
        try {
          await this.#homes.free(roomId, undefined)
          clearTimeout(held.timer)
          this.#rooms.delete(roomId)
          released.push(roomId)
        } finally {
          held.isLeaving = false
        }
      })
    }
    if (released.length > 0) this.#sfu.tell('sfu:released', { roomIds: released, handedOver: false })
  }

  #isIdle(roomId: string): boolean {
    return this.#rooms.get(roomId)?.users === 0 && this.#sfu.isIdle(roomId)
  }

  /**
   * Lets a request about a room in, which this process then has, or which nobody has.
   * @returns what says that it is done
   * @throws TrunklineError `unavailable`, with `elsewhere` when another process has the room
   */
  async #enter(roomId: string, force: boolean): Promise<() => void> {
    const held = this.#rooms.get(roomId)
    if (held && !held.isLeaving) return use(held)
    return this.#order.run(roomId, async () => {
      const now = this.#rooms.get(roomId)
      if (now) return use(now)
      if (this.#leaving) throw elsewhere()
      const { owner, checkpoint } = await this.#take(roomId, force)
      if (owner === undefined) return () => {}
      if (owner !== this.id) throw elsewhere()
      const taken: Held = {
        users: 0,
        isLeaving: false,
        written: checkpoint,
        isDirty: false,
        timer: undefined,
        writtenAt: Number.NEGATIVE_INFINITY,
      }
      if (checkpoint !== undefined) await this.#goOn(roomId, checkpoint)
      // Not sooner: who asks meanwhile waits until the call and its door are as they were.
      this.#rooms.set(roomId, taken)
      if (checkpoint !== undefined) this.#changed(roomId)
      return use(taken)
    })
  }

  /** Alone, and while Redis is away, it may have what it is asked for: there is nobody else. */
  async #take(
    roomId: string,
    force: boolean,
  ): Promise<{ owner: string | undefined; checkpoint: string | undefined }> {
    try {
      return await this.#homes.enter(roomId, force)
    } catch (error) {
      if (this.#directory.members.size > 1) throw error
      return { owner: force ? this.id : undefined, checkpoint: undefined }
    }
  }

  /** Goes on with a call that another process had. */
  async #goOn(roomId: string, checkpoint: string): Promise<void> {
    const read = readCheckpoint(checkpoint)
    if (read?.call.roomId !== roomId) {
      this.#logger.error({ roomId }, 'what was written down of a call cannot be read: it is over')
      return
    }
    try {
      await this.#sfu.restore(read)
      const { id: callId, participants } = read.call
      this.#logger.info({ roomId, callId, participants: participants.length }, 'call goes on here')
    } catch (error) {
      await this.#homes.free(roomId, checkpoint).catch(() => undefined)
      throw unavailable('The call could not be gone on with. Try again.', error)
    }
  }

  /** Has the rooms that somebody says to be in, where their calls wait to be gone on with. */
  async #goOnWith({ participants }: SfuRequestData<'sfu:mine'>): Promise<void> {
    for (const roomId of new Set(participants.map(participant => participant.roomId))) {
      const done = await this.#enter(roomId, false).catch(error => {
        // Who says so hears that its participants are not here.
        if (isElsewhere(error)) return () => {}
        throw error
      })
      done()
    }
  }

  #changed(roomId: string): void {
    const held = this.#rooms.get(roomId)
    if (!held || held.isLeaving || this.#isClosed) return
    held.isDirty = true
    const pauseMs = WRITE_MS + WRITE_MS_EACH * this.#sfu.sizeOf(roomId)
    const waitMs = Math.max(0, held.writtenAt + pauseMs - performance.now())
    held.timer ??= setTimeout(() => {
      held.timer = undefined
      this.#write(roomId).catch(error =>
        this.#logger.debug({ err: error, roomId }, 'a call could not be written down; it is tried again'),
      )
    }, waitMs)
  }

  #write(roomId: string): Promise<void> {
    return this.#writing.run(roomId, async () => {
      const held = this.#rooms.get(roomId)
      if (!held || held.isLeaving || this.#isClosed) return
      held.isDirty = false
      held.writtenAt = performance.now()
      const checkpoint = this.#checkpoint(roomId)
      if (checkpoint === held.written) return
      try {
        if (await this.#homes.save(roomId, checkpoint)) held.written = checkpoint
      } catch (error) {
        held.isDirty = true
        throw error
      }
    })
  }

  #checkpoint(roomId: string): string | undefined {
    const checkpoint = this.#sfu.checkpoint(roomId)
    return checkpoint && JSON.stringify(checkpoint)
  }

  /** Has nothing to do with a room any more, which another process has. */
  #drop(roomId: string): Promise<void> {
    return this.#order.run(roomId, async () => {
      const held = this.#rooms.get(roomId)
      if (!held) return
      await this.#stopUsing(held)
      this.#sfu.abandon(roomId)
      this.#rooms.delete(roomId)
    })
  }

  /** Nothing more is let in, and what is under way ends. */
  async #stopUsing(held: Held): Promise<void> {
    held.isLeaving = true
    clearTimeout(held.timer)
    const deadline = performance.now() + FINISH_MS
    while (held.users > 0 && performance.now() < deadline) await sleep(LOOK_MS)
  }

  async #leave(): Promise<void> {
    if (this.#successors().length === 0) {
      throw new TrunklineError(
        'conflict',
        'There is no other SFU to take these calls: start another one first, or drain the workers only.',
      )
    }
    // From here on the directory says so.
    await Promise.resolve()
    this.#sfu.openNoCalls()
    await this.#announcement?.say()
    while (this.#rooms.size > 0 && !this.#isClosed) {
      const some = [...this.#rooms.keys()].slice(0, ROOMS_AT_ONCE)
      const given = await Promise.all(
        some.map(async roomId => ((await this.#handOver(roomId)) ? roomId : [])),
      )
      const roomIds = given.flat()
      if (roomIds.length > 0) this.#sfu.tell('sfu:released', { roomIds, handedOver: true })
      if (roomIds.length < some.length) await sleep(AGAIN_MS)
    }
    this.#logger.info('all calls were given to other SFUs')
  }

  /** @returns false when Redis could not be told: the call stays until it can */
  #handOver(roomId: string): Promise<boolean> {
    return this.#order.run(roomId, async () => {
      const held = this.#rooms.get(roomId)
      if (!held) return true
      await this.#stopUsing(held)
      try {
        await this.#writing.run(roomId, () => this.#homes.free(roomId, this.#checkpoint(roomId)))
      } catch (error) {
        this.#logger.warn({ err: error, roomId }, 'a call could not be given to another SFU; trying again')
        held.isLeaving = false
        return false
      }
      this.#sfu.abandon(roomId)
      this.#rooms.delete(roomId)
      return true
    })
  }

  #sweepSoon(ms: number): void {
    clearTimeout(this.#sweeping)
    if (this.#isClosed) return
    this.#sweeping = setTimeout(() => {
      this.#sweep()
        .catch(error => this.#logger.debug({ err: error }, 'rooms without an SFU could not be looked for'))
        .finally(() => this.#sweepSoon(SWEEP_MS))
    }, ms)
  }

  /** Goes on with the calls that nobody has, and that are this process's to have of all there are. */
  async #sweep(): Promise<void> {
    if (this.#leaving) return
    const { members } = this.#directory
    const takers = [...this.#successors(), this.id]
    for (const [roomId, owner] of await this.#homes.all()) {
      const isOrphan = owner === '' || !members.has(owner)
      const isUnknown = owner === this.id && !this.#rooms.has(roomId)
      if (!isUnknown && !(isOrphan && chosenFor(roomId, takers) === this.id)) continue
      try {
        const done = await this.#enter(roomId, false)
        done()
      } catch (error) {
        if (!isElsewhere(error)) this.#logger.warn({ err: error, roomId }, 'a call waits to be gone on with')
      }
    }
  }

  async #overview(): Promise<SfuOverview> {
    const { nodes } = await this.#sfu.request('sfu:overview', {})
    return {
      nodes: nodes.map(node => ({
        ...node,
        id: this.id,
        url: this.#url,
        draining: this.#leaving !== undefined,
      })),
    }
  }

  async #drain({ node, pid }: SfuRequestData<'sfu:drain'>): Promise<SfuOverview> {
    if (node !== undefined && node !== this.id && node !== this.#url) {
      throw new TrunklineError(
        'not_found',
        `There is no SFU "${node}" here: this one is ${this.id}, ${this.#url}.`,
      )
    }
    if (node === undefined || pid !== undefined) {
      await this.#sfu.request('sfu:drain', pid === undefined ? {} : { pid })
    } else {
      // Another may have been emptied just now.
      await this.#directory.look()
      if (this.#successors().length === 0) await this.leave()
      // What fails on the way is in the log and in the overview.
      else
        this.leave().catch(error => this.#logger.error({ err: error }, 'not all calls could be given away'))
    }
    return this.#overview()
  }
}

const use = (held: Held): (() => void) => {
  held.users += 1
  return () => {
    held.users -= 1
  }
}

const readCheckpoint = (text: string): CallCheckpoint | undefined => {
  try {
    return CallCheckpoint.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

const elsewhere = (): TrunklineError =>
  new TrunklineError('unavailable', 'Another SFU has this room. Try again.', { details: { elsewhere: true } })

const isElsewhere = (error: unknown): boolean =>
  error instanceof TrunklineError && error.details?.elsewhere === true
