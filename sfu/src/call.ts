import { randomUUID } from 'node:crypto'
import type { Logger } from '@trunkline/kit'
import type { Call as PublicCall } from '@trunkline/protocol'
import { endWhenEmpty } from './cascade.ts'
import { Consumer } from './consumer.ts'
import type { Door } from './door.ts'
import { LastN } from './last-n.ts'
import type { Stream } from './live/stream.ts'
import { Loudest } from './loudest.ts'
import { settleSeat } from './moderation.ts'
import type { Notices } from './notices.ts'
import type { Participant } from './participant.ts'
import { type Ground, Place } from './place.ts'
import type { Producer } from './producer.ts'
import type { Recording } from './recording/recording.ts'
import { notInCall, unavailable } from './refusals.ts'
import { Programmes } from './whep/programmes.ts'
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
  /** What it has been already, when another process had it. */
  before?: { id: string; startedAt: Date } | undefined
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

/**
 * A room's call: everybody in it, each at a place. It begins with one, and has more where one worker would not do; what
 * somebody publishes is brought to the others on demand (presence.ts).
 */
export class Call {
  readonly id: string
  readonly startedAt: Date
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
  readonly programmes = new Programmes(this)
  /** What is kept of it, while it is recorded. */
  recording: Recording | undefined
  /** What is shown of it to others, while it is streamed. */
  stream: Stream | undefined
  closed = false
  /** Whether anybody was ever in it: a call nobody got into is not told of. */
  started = false
  emptySince: Date | undefined
  endTimer: NodeJS.Timeout | undefined
  readonly #pool: WorkerPool
  #toldAt = Number.NEGATIVE_INFINITY
  #tellTimer: NodeJS.Timeout | undefined
  /** The first to have been opened first. */
  readonly #places = new Set<Place>()
  readonly #loudest = new Loudest<Place>(producerId => this.tellSpeaker(producerId))
  #settled: Promise<void> = Promise.resolve()
  /** A further place on its way. */
  #opening: Promise<Place | undefined> | undefined
  #lastSeen: Date | undefined
  #holds = 0

  private constructor(options: CallOptions) {
    this.id = options.before?.id ?? `call_${randomUUID()}`
    this.startedAt = options.before?.startedAt ?? new Date()
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
    await call.settle()
    return call
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

  /** Whether anybody in it encrypts end to end: the server cannot read what they say and show. */
  get isEncrypted(): boolean {
    return [...this.participants.values()].some(({ encryption }) => encryption)
  }

  /** Tracks of everybody in it. */
  get tracks(): number {
    let tracks = 0
    for (const { producers } of this.participants.values()) tracks += producers.size
    return tracks
  }

  /**
   * Where somebody who comes, or comes back, is to be: at the first place whose worker has room, else at a further one.
   * When there is room nowhere, at the one of its places whose worker carries least.
   * @returns the place, and what is to be called, once, when they are there or will not come
   * @throws TrunklineError `unavailable` when no worker lives
   */
  async findPlace(): Promise<{ place: Place; release: () => void }> {
    for (;;) {
      if (this.closed) throw unavailable('The call ended. Try again.')
      await this.settle()
      const roomy = [...this.#places].find(({ worker }) => this.#pool.hasRoom(worker))
      if (roomy) return { place: roomy, release: roomy.expect() }
      // Of those who come at once some may fill it before others have looked.
      if (await this.#openFurther()) continue
      const tight = leastLoaded(this.#places)
      if (tight) return { place: tight, release: tight.expect() }
    }
  }

  /** Those who come at once share one. */
  #openFurther(): Promise<Place | undefined> {
    this.#opening ??= this.#open(() => {
      const taken = new Set(Array.from(this.#places, ({ worker }) => worker))
      return this.#pool.createFurtherRouter(taken)
    })
      // It is tight where the others are, and better than nothing.
      .catch(error => {
        this.logger.warn({ err: error, roomId: this.roomId }, 'no further place for a call')
        return undefined
      })
      .then(place => {
        // Somebody may have left meanwhile, and nobody needs it.
        if (place) setImmediate(() => this.tidy(place))
        return place
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  /** A place nobody is at, or on the way to, ends, but for the last one. */
  tidy(place: Place): void {
    if (place.isEmpty && this.#places.size > 1) this.leave(place)
  }

  /** Ends all that is at a place. */
  leave(place: Place): void {
    place.close()
    if (this.#places.delete(place)) this.#loudest.hear(place, null)
  }

  leaveAll(): void {
    for (const place of [...this.#places]) this.leave(place)
  }

  get places(): ReadonlySet<Place> {
    return this.#places
  }

  /** Looks for a place, unless it has one. */
  settle(): Promise<void> {
    if (this.#places.size === 0) this.#settled = this.#settle()
    return this.#settled
  }

  async #settle(): Promise<void> {
    if (!(await this.#open(() => this.#pool.createRouter())))
      throw unavailable('There is no place for the call.')
  }

  async #open(find: () => Promise<Ground | undefined>): Promise<Place | undefined> {
    const place = await Place.open(this, find, (at, heard) => {
      if (this.#places.has(at)) this.#loudest.hear(at, heard)
    })
    if (!place) return undefined
    this.#places.add(place)
    // Ended while it was made.
    if (this.closed) this.leave(place)
    else
      this.logger.info(
        { roomId: this.roomId, callId: this.id, workerPid: place.worker.pid },
        'place of a call opened',
      )
    return place
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
      this.logger.info({ roomId, callId }, 'call started')
    }
    this.prepared.delete(participant.id)
    clearTimeout(participant.endTimer)
    participant.joinedAt = new Date()
    this.participants.set(participant.id, participant)
    // Prepared ones wanted nothing so far.
    for (const { producer } of participant.consumers.values()) producer.look()
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
    this.recording?.take(producer)
    this.stream?.take(producer)
    const all = [...this.participants.values(), ...this.prepared.values()]
    const others = all.filter(other => other !== producer.participant)
    await Promise.all(others.map(other => this.#consume(producer, other)))
    producer.look()
    this.changed()
  }

  /** Failures here are of one viewer and one track: they are logged, and nobody else's join or track fails. */
  async #consume(producer: Producer, participant: Participant): Promise<void> {
    const { rtpCapabilities, transports } = participant
    // Its worker died: it consumes everything when it comes back.
    if (!transports) return
    try {
      // Every place routes the same.
      if (!producer.place.router.canConsume({ producerId: producer.id, rtpCapabilities })) return
      const consumer = await Consumer.create(producer, participant, transports)
      if (producer.closed || participant.closed || participant.transports !== transports) return
      producer.consumers.add(consumer)
      participant.consumers.set(consumer.id, consumer)
      producer.look()
      if (participant.answered) this.#tellAdded(consumer, transports.receive.id)
    } catch (error) {
      if (producer.closed || participant.closed || participant.transports !== transports) return
      this.logger.warn(
        { err: error, producerId: producer.id, participantId: participant.id },
        'consumer not created',
      )
    }
  }

  #tellAdded(consumer: Consumer, transportId: string): void {
    this.notices.tell('consumer:added', {
      roomId: this.roomId,
      participantId: consumer.participant.id,
      transportId,
      consumer: consumer.options(),
    })
  }

  changed(): void {
    if (this.closed || !this.started) return
    this.lastN.look()
    this.programmes.look()
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
    this.programmes.speaks(speaking)
    this.recording?.speaks(speaking?.id ?? null)
    this.stream?.speaks(speaking?.id ?? null)
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
      ...(this.recording && { recording: this.recording.snapshot() }),
      ...(this.stream && { stream: this.stream.snapshot() }),
      participants: Array.from(this.participants.values(), participant => participant.snapshot()),
    }
  }
}

const leastLoaded = (places: Iterable<Place>): Place | undefined => {
  let best: Place | undefined
  for (const place of places) if (!best || place.worker.load < best.worker.load) best = place
  return best
}
