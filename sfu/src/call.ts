import { randomUUID } from 'node:crypto'
import type { Logger } from '@trunkline/kit'
import type { Call as PublicCall } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { endWhenEmpty } from './cascade.ts'
import { Consumer } from './consumer.ts'
import type { Door } from './door.ts'
import { LastN } from './last-n.ts'
import { settleSeat } from './moderation.ts'
import type { Notices } from './notices.ts'
import type { Participant } from './participant.ts'
import { Place } from './place.ts'
import type { Producer } from './producer.ts'
import { notInCall, unavailable } from './refusals.ts'
import type { Speaker } from './speaker.ts'
import type { Worker } from './worker.ts'
import type { WorkerPool } from './worker-pool.ts'

export type CallOptions = {
  roomId: string
  door: Door
  pool: WorkerPool
  notices: Notices
  logger: Logger
  emptyCallGraceMs: number
  /** How long a participant may be away, milliseconds. */
  resumeMs: number
  /** Told once, when the call is over. */
  onClosed: (call: Call) => void
}

/**
 * For so long per participant beyond the first few a call that has just been told of is not told of again, milliseconds:
 * every telling names all of them to everybody who has the room open, and anybody in it may change something a hundred times
 * a second.
 */
const TELL_MS_EACH = 2
const FEW = 10

/** A room's call: everybody in it, at one place of one worker at a time. */
export class Call {
  readonly id = `call_${randomUUID()}`
  readonly startedAt = new Date()
  readonly roomId: string
  readonly door: Door
  readonly notices: Notices
  readonly logger: Logger
  readonly emptyCallGraceMs: number
  readonly resumeMs: number
  readonly onClosed: (call: Call) => void
  readonly participants = new Map<string, Participant>()
  /** Those who are connected and have not come in yet: nobody sees them. */
  readonly prepared = new Map<string, Participant>()
  /** Everybody who was ever in it. */
  readonly userIds = new Set<string>()
  readonly lastN = new LastN(this)
  closed = false
  /** Whether anybody was ever in it: a call nobody got into is not told of. */
  started = false
  emptySince: Date | undefined
  endTimer: NodeJS.Timeout | undefined
  readonly #pool: WorkerPool
  #toldAt = Number.NEGATIVE_INFINITY
  #tellTimer: NodeJS.Timeout | undefined
  #place: Place | undefined
  #settled: Promise<void> = Promise.resolve()
  #lastSeen: Date | undefined
  #holds = 0

  private constructor(options: CallOptions) {
    this.roomId = options.roomId
    this.door = options.door
    this.notices = options.notices
    this.logger = options.logger
    this.emptyCallGraceMs = options.emptyCallGraceMs
    this.resumeMs = options.resumeMs
    this.onClosed = options.onClosed
    this.#pool = options.pool
  }

  /** @throws TrunklineError `unavailable` when no worker lives */
  static async open(options: CallOptions): Promise<Call> {
    const call = new Call(options)
    call.#settled = call.#findPlace()
    await call.#settled
    return call
  }

  /** @throws TrunklineError `unavailable` while it is on its way to another worker */
  get worker(): Worker {
    return this.#here().worker
  }

  /** @throws TrunklineError `unavailable` while it is on its way to another worker */
  get router(): types.Router {
    return this.#here().router
  }

  /** @throws TrunklineError `unavailable` while it is on its way to another worker */
  get speaker(): Speaker {
    return this.#here().speaker
  }

  /** Resolves when it has a place. Rejects when it found none: then it is over. */
  settled(): Promise<void> {
    return this.#settled
  }

  /** Somebody has left, and was last seen then. */
  sawLeave(at: Date): void {
    if (!this.#lastSeen || at > this.#lastSeen) this.#lastSeen = at
    if (this.participants.size === 0) this.emptySince = this.#lastSeen
  }

  /** Ends all that is at its place. */
  leavePlace(): void {
    this.#place?.leave(this)
    this.#place = undefined
  }

  /** Leaves its place, whose worker is gone or is to go, for another. */
  move(): Promise<void> {
    this.leavePlace()
    this.#settled = this.#findPlace()
    return this.#settled
  }

  async #findPlace(): Promise<void> {
    const place = await Place.find(this.#pool, producerId => {
      if (this.#place === place) this.tellSpeaker(producerId)
    })
    this.#place = place
    place.take(this)
    // Ended while it looked for it.
    if (this.closed) this.leavePlace()
  }

  #here(): Place {
    if (!this.#place)
      throw unavailable('The call lost its media worker and is on its way to another. Try again.')
    return this.#place
  }

  /** Streams through it: producers and consumers. */
  get streams(): number {
    let streams = 0
    for (const participant of this.participants.values()) {
      streams += participant.producers.size + participant.consumers.size
    }
    return streams
  }

  get held(): boolean {
    return this.#holds > 0
  }

  /** Keeps the call open while somebody is on the way in. Returns the way to let go. */
  hold(): () => void {
    this.#holds++
    clearTimeout(this.endTimer)
    return () => {
      this.#holds--
      endWhenEmpty(this)
    }
  }

  /** @throws TrunklineError `not_in_call`, also for who has only prepared */
  assertAndGetParticipant(id: string): Participant {
    const participant = this.participants.get(id)
    if (!participant) throw notInCall(id)
    return participant
  }

  /** Lets a participant in. Whoever publishes from now on is consumed for it by {@link distribute}. */
  add(participant: Participant): void {
    if (!this.started) {
      this.started = true
      const { roomId, id: callId, startedAt } = this
      this.notices.tell('call:started', { roomId, callId, startedAt: startedAt.toISOString() })
      this.logger.info({ roomId, callId, workerPid: this.worker.pid }, 'call started')
    }
    this.prepared.delete(participant.id)
    clearTimeout(participant.endTimer)
    participant.joinedAt = new Date()
    this.participants.set(participant.id, participant)
    // Prepared ones wanted nothing so far.
    for (const { producer } of participant.consumers.values()) producer.demand?.look()
    this.userIds.add(participant.userId)
    this.door.entered(participant.userId)
    settleSeat(participant)
    this.emptySince = undefined
    this.logger.info({ roomId: this.roomId, participantId: participant.id }, 'participant joined')
    this.changed()
  }

  /** Consumes for one participant everything the others publish already. */
  async consumeAll(participant: Participant): Promise<void> {
    const others = Array.from(this.participants.values()).filter(other => other !== participant)
    const producers = others.flatMap(other => [...other.producers.values()])
    await Promise.all(producers.map(producer => this.#consume(producer, participant)))
  }

  /** Consumes a new track for all others, then tells of the track. */
  async distribute(producer: Producer): Promise<void> {
    const all = [...this.participants.values(), ...this.prepared.values()]
    const others = all.filter(other => other !== producer.participant)
    await Promise.all(others.map(other => this.#consume(producer, other)))
    producer.demand?.look()
    this.changed()
  }

  /** Failures here are of one viewer and one track: they are logged, and nobody else's join or track fails. */
  async #consume(producer: Producer, participant: Participant): Promise<void> {
    const { rtpCapabilities, transports } = participant
    // Its worker died: it consumes everything when it comes back.
    if (!transports) return
    try {
      if (!this.router.canConsume({ producerId: producer.id, rtpCapabilities })) return
      const consumer = await Consumer.create(producer, participant)
      if (producer.closed || participant.closed || participant.transports !== transports) return
      producer.consumers.add(consumer)
      participant.consumers.set(consumer.id, consumer)
      producer.demand?.look()
      if (participant.answered) this.#tellAdded(consumer)
    } catch (error) {
      if (producer.closed || participant.closed || participant.transports !== transports) return
      this.logger.warn(
        { err: error, producerId: producer.id, participantId: participant.id },
        'consumer not created',
      )
    }
  }

  #tellAdded(consumer: Consumer): void {
    this.notices.tell('consumer:added', {
      roomId: this.roomId,
      participantId: consumer.participant.id,
      consumer: consumer.options(),
    })
  }

  changed(): void {
    if (this.closed || !this.started) return
    this.lastN.look()
    const waitMs = this.#toldAt + (this.participants.size - FEW) * TELL_MS_EACH - performance.now()
    if (waitMs <= 0) this.#tellChanged()
    else this.#tellTimer ??= setTimeout(() => this.#tellChanged(), waitMs)
  }

  /** Tells at once what waits to be told: before something that it explains. */
  tellPending(): void {
    if (this.#tellTimer) this.#tellChanged()
  }

  #tellChanged(): void {
    clearTimeout(this.#tellTimer)
    this.#tellTimer = undefined
    if (this.closed) return
    this.#toldAt = performance.now()
    this.notices.tellLatest('call:changed', this.id, () => ({ roomId: this.roomId, call: this.snapshot() }))
  }

  /** @param producerId the microphone of whoever speaks now; null in silence */
  tellSpeaker(producerId: string | null): void {
    if (this.closed) return
    const all = Array.from(this.participants.values())
    const speaking = producerId === null ? undefined : all.find(one => one.producers.has(producerId))
    this.lastN.speaks(speaking)
    this.notices.tell('speaker:changed', { roomId: this.roomId, participantId: speaking?.id ?? null })
  }

  /** As those in it see it. */
  snapshot(): PublicCall {
    return {
      id: this.id,
      roomId: this.roomId,
      startedAt: this.startedAt.toISOString(),
      locked: this.door.locked,
      lobby: this.door.lobby,
      participants: Array.from(this.participants.values(), participant => participant.snapshot()),
    }
  }
}
