import { randomUUID } from 'node:crypto'
import type { Logger } from '@trunkline/kit'
import type { Call as PublicCall } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { endWhenEmpty } from './cascade.ts'
import { Consumer } from './consumer.ts'
import { LastN } from './last-n.ts'
import type { Notices } from './notices.ts'
import type { Participant } from './participant.ts'
import type { Producer } from './producer.ts'
import { notInCall } from './refusals.ts'
import { Speaker } from './speaker.ts'
import type { Worker } from './worker.ts'
import type { WorkerPool } from './worker-pool.ts'

export type CallOptions = {
  roomId: string
  pool: WorkerPool
  notices: Notices
  logger: Logger
  emptyCallGraceMs: number
  /** Told once, when the call is over. */
  onClosed: (call: Call) => void
}

/** A room's call: one router of one worker and everybody on it. */
export class Call {
  readonly id = `call_${randomUUID()}`
  readonly startedAt = new Date()
  readonly roomId: string
  readonly notices: Notices
  readonly logger: Logger
  readonly worker: Worker
  readonly router: types.Router
  readonly speaker: Speaker
  readonly emptyCallGraceMs: number
  readonly onClosed: (call: Call) => void
  readonly participants = new Map<string, Participant>()
  /** Everybody who was ever in it. */
  readonly userIds = new Set<string>()
  readonly lastN = new LastN(this)
  closed = false
  /** Whether anybody was ever in it: a call nobody got into is not told of. */
  started = false
  emptySince: Date | undefined
  endTimer: NodeJS.Timeout | undefined
  #holds = 0

  private constructor(options: CallOptions, worker: Worker, router: types.Router, speaker: Speaker) {
    this.roomId = options.roomId
    this.notices = options.notices
    this.logger = options.logger
    this.emptyCallGraceMs = options.emptyCallGraceMs
    this.onClosed = options.onClosed
    this.worker = worker
    this.router = router
    this.speaker = speaker
  }

  /** @throws TrunklineError `unavailable` when no worker lives */
  static async open(options: CallOptions): Promise<Call> {
    const { worker, router } = await options.pool.createRouter()
    let call: Call | undefined
    try {
      const speaker = await Speaker.create(router, producerId => call?.tellSpeaker(producerId))
      call = new Call(options, worker, router, speaker)
      worker.calls.add(call)
      return call
    } catch (error) {
      router.close()
      throw error
    }
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
    this.participants.set(participant.id, participant)
    this.userIds.add(participant.userId)
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
    const others = Array.from(this.participants.values()).filter(other => other !== producer.participant)
    await Promise.all(others.map(other => this.#consume(producer, other)))
    producer.demand?.look()
    this.changed()
  }

  /** Failures here are of one viewer and one track: they are logged, and nobody else's join or track fails. */
  async #consume(producer: Producer, participant: Participant): Promise<void> {
    const { rtpCapabilities } = participant
    try {
      if (!this.router.canConsume({ producerId: producer.id, rtpCapabilities })) return
      const consumer = await Consumer.create(producer, participant)
      if (producer.closed || participant.closed) return
      producer.consumers.add(consumer)
      participant.consumers.set(consumer.id, consumer)
      producer.demand?.look()
      if (participant.answered) this.#tellAdded(consumer)
    } catch (error) {
      if (producer.closed || participant.closed) return
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
    this.notices.tellLatest('call:changed', this.id, () => ({ roomId: this.roomId, call: this.snapshot() }))
  }

  tellSpeaker(producerId: string | null): void {
    if (this.closed) return
    const all = Array.from(this.participants.values())
    const speaking = producerId === null ? undefined : all.find(one => one.producers.has(producerId))
    this.lastN.speaks(speaking)
    this.notices.tell('speaker:changed', { roomId: this.roomId, participantId: speaking?.id ?? null })
  }

  snapshot(): PublicCall {
    return {
      id: this.id,
      roomId: this.roomId,
      startedAt: this.startedAt.toISOString(),
      participants: Array.from(this.participants.values(), participant => participant.snapshot()),
    }
  }
}
