import type { CallRecord, NoticeData, OperationData, Ring } from '@trunkline/protocol'
import { Backoff } from './backoff.ts'
import type { Call } from './call.ts'
import { newClientId } from './client-id.ts'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'
import type { JoinOptions } from './join-options.ts'
import type { Page } from './pages.ts'
import type { Rest } from './rest.ts'
import type { Room } from './room.ts'

export type RingsEvents = {
  /** Rings began, changed or ended; what to listen to for drawing them. */
  changed: []
  /** One is rung now. */
  incoming: [Ring]
  /** A ring one was rung by or rang oneself is over for oneself; its targets say what became of it. */
  over: [Ring]
}

/** Whom to ring, for what, how long (seconds, 5 to 120). */
export type RingOptions = Omit<OperationData<'ring:start'>, 'roomId' | 'clientId'>

/** How much later than its end a ring that nobody told the end of is taken to be over, ms. */
const OVERDUE_MS = 3_000

/** What a ring is to a user: undefined for who neither rang nor is rung. */
const stateIn = (ring: Ring, userId: string | undefined) =>
  ring.targets.find(target => target.userId === userId)?.state

/**
 * Who rings one, and whom one rings, over all one's rooms and devices. Made, and kept current, from the first time
 * `client.rings` is asked for.
 */
export class Rings extends Emitter<RingsEvents> {
  readonly #connection: Connection
  readonly #rest: Rest
  readonly #room: (id: string) => Room
  readonly #rings = new Map<string, Ring>()
  readonly #stops: (() => void)[] = []
  readonly #backoff = new Backoff()
  #userId: string | undefined
  /** What was told before it was known who we are. */
  #early: Ring[] = []
  #overdue: ReturnType<typeof setTimeout> | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(deps: { connection: Connection; rest: Rest; room: (id: string) => Room }) {
    super()
    this.#connection = deps.connection
    this.#rest = deps.rest
    this.#room = deps.room
    this.#stops.push(
      deps.connection.on('state', state => {
        if (state === 'connected') void this.#load()
      }),
      deps.connection.on('ring:changed', notice => this.#onChanged(notice)),
    )
    if (deps.connection.state === 'connected') void this.#load()
  }

  /** Those that ring for oneself now, the first first. */
  get incoming(): Ring[] {
    return [...this.#rings.values()].filter(ring => stateIn(ring, this.#userId) === 'ringing')
  }

  /** Those one rings with now. */
  get outgoing(): Ring[] {
    return [...this.#rings.values()].filter(ring => ring.from.id === this.#userId)
  }

  /**
   * Rings people of a room and joins its call, both at once; leaving the call takes the ring back. `room.ring()` is the
   * same.
   * @throws TrunklineError `conflict` when there is nobody to ring, `forbidden`, ..., and what joining throws
   */
  async start(
    roomId: string,
    options: RingOptions,
    joining: JoinOptions = {},
  ): Promise<{ ring: Ring; call: Call }> {
    const room = this.#room(roomId)
    const before = room.call
    const call = before ? Promise.resolve(before) : room.joinCall(joining)
    const ring = this.#connection
      .request('ring:start', { roomId, ...options, clientId: newClientId() })
      .then(started => this.#learn(started))
    const [joined, rung] = await Promise.allSettled([call, ring])
    if (joined.status === 'fulfilled' && rung.status === 'fulfilled') {
      return { ring: rung.value, call: joined.value }
    }
    // One without the other is of no use.
    if (joined.status === 'fulfilled' && !before) await joined.value.leave()
    if (rung.status === 'fulfilled') await this.cancel(rung.value.id).catch(() => undefined)
    throw joined.status === 'rejected' ? joined.reason : (rung as PromiseRejectedResult).reason
  }

  /**
   * Answers, and joins the call. One's other devices stop ringing.
   * @throws TrunklineError `conflict` when another device has answered or the ring is over, and what joining throws
   */
  async accept(ring: Ring, joining: JoinOptions = {}): Promise<Call> {
    // Answered first: whoever comes into the call unasked counts as having answered from somewhere.
    this.#learn(await this.#connection.request('ring:accept', { ringId: ring.id, clientId: newClientId() }))
    const room = this.#room(ring.roomId)
    return room.call ?? room.joinCall(joining)
  }

  /** @param options.busy when it is not the person who declines, but a device that has another call */
  async decline(ring: Ring, options: { busy?: boolean } = {}): Promise<void> {
    this.#learn(await this.#connection.request('ring:decline', { ringId: ring.id, ...options }))
  }

  /** Rings nobody any longer. */
  async cancel(ringId: string): Promise<void> {
    this.#learn(await this.#connection.request('ring:cancel', { ringId }))
  }

  /** Calls and rings of one's rooms, or of one of them, the latest first. */
  history(query: OperationData<'call:history'> = {}): Promise<Page<CallRecord>> {
    return this.#rest.operation('call:history', query)
  }

  close(): void {
    this.#isClosed = true
    for (const stop of this.#stops) stop()
    clearTimeout(this.#overdue)
    clearTimeout(this.#retry)
    this.removeAllListeners()
  }

  /** What goes on, as the server says: what it does not name is over. */
  async #load(): Promise<void> {
    clearTimeout(this.#retry)
    try {
      const before = [...this.#rings.values()]
      const { userId, data } = await this.#connection.request('ring:list', {})
      this.#userId = userId
      const known = new Set(data.map(({ id }) => id))
      for (const ring of before) if (!known.has(ring.id)) this.#end(ring)
      for (const ring of [...data, ...this.#early.splice(0)]) this.#learn(ring)
      this.#backoff.reset()
    } catch (thrown) {
      if (!this.#isClosed && this.#connection.state === 'connected' && toTrunklineError(thrown).retryable) {
        this.#retry = setTimeout(() => void this.#load(), this.#backoff.next())
      }
    }
  }

  #onChanged({ ring }: NoticeData<'ring:changed'>): void {
    if (this.#userId === undefined) this.#early.push(ring)
    else this.#learn(ring)
  }

  #learn(ring: Ring): Ring {
    const known = this.#rings.get(ring.id)
    if (known && known.seq >= ring.seq && ring.endedAt === undefined) return known
    if (ring.endedAt !== undefined) {
      if (known) this.#end(ring)
      return ring
    }
    this.#rings.set(ring.id, ring)
    this.#watchOverdue()
    const state = stateIn(ring, this.#userId)
    if (state === 'ringing' && !known) this.emit('incoming', ring)
    if (known && state !== 'ringing' && stateIn(known, this.#userId) === 'ringing') this.emit('over', ring)
    this.emit('changed')
    return ring
  }

  #end(ring: Ring): void {
    const before = this.#rings.get(ring.id)
    this.#rings.delete(ring.id)
    this.#watchOverdue()
    const wasRung = before !== undefined && stateIn(before, this.#userId) === 'ringing'
    if (wasRung || ring.from.id === this.#userId) this.emit('over', ring)
    this.emit('changed')
  }

  /** The server tells when a ring is over; when that gets lost, nobody is to be rung for ever. */
  #watchOverdue(): void {
    clearTimeout(this.#overdue)
    const ends = [...this.#rings.values()].map(({ expiresAt }) => Date.parse(expiresAt))
    if (ends.length === 0) return
    const inMs = Math.max(0, Math.min(...ends) + OVERDUE_MS - Date.now())
    this.#overdue = setTimeout(() => {
      for (const ring of [...this.#rings.values()]) {
        if (Date.parse(ring.expiresAt) + OVERDUE_MS <= Date.now()) this.#end(ring)
      }
    }, inMs)
  }
}
