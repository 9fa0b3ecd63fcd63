import { type CallRecording, type JournalNote, LIMITS, type RecordingLayout } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Call } from '../call.ts'
import type { Producer } from '../producer.ts'
import { PartWriter, type PutPart } from './part-writer.ts'
import { senderReports } from './sender-reports.ts'
import { TakenTrack } from './taken-track.ts'

const TOO_LONG = `A recording is at most ${LIMITS.recordingSeconds / 3_600} hours long.`

export type RecordingOptions = {
  id: string
  /** Who started it. */
  userId: string
  layout: RecordingLayout
  put: PutPart
  /** Told once, when all of it is put away. */
  onEnd: () => void
}

/**
 * What is kept of a call: the packets of its tracks as they come, and what happens meanwhile. The workers of the call may
 * die and it may move: tracks end with a worker, and are taken anew where they are published again.
 */
export class Recording {
  readonly id: string
  readonly userId: string
  readonly layout: RecordingLayout
  /** Everybody is told first; then the first packet is kept. */
  readonly startedAt = new Date(Date.now() + LIMITS.recordingNoticeMs)
  readonly #call: Call
  readonly #writer: PartWriter
  /** By producer. */
  readonly #tracks = new Map<string, Promise<TakenTrack | undefined>>()
  /** Numbers of tracks by the source of their packets. */
  readonly #numbers = new Map<number, number>()
  readonly #transports = new Map<types.Router, Promise<types.DirectTransport>>()
  #nextTrack = 0
  /** `performance.now()` where the time that is recorded is 0: pauses move it. */
  #zero: number | undefined
  #pausedAt: number | undefined
  #timer: NodeJS.Timeout
  #ended: Promise<void> | undefined
  #problem: string | undefined
  readonly #onEnd: () => void

  constructor(call: Call, options: RecordingOptions) {
    this.id = options.id
    this.userId = options.userId
    this.layout = options.layout
    this.#call = call
    this.#onEnd = options.onEnd
    this.#writer = new PartWriter({
      put: options.put,
      onProblem: problem => {
        this.#problem ??= problem
        void this.end()
      },
    })
    this.#timer = setTimeout(() => this.#begin(), LIMITS.recordingNoticeMs)
  }

  get paused(): boolean {
    return this.#pausedAt !== undefined
  }

  snapshot(): CallRecording {
    return { id: this.id, startedAt: this.startedAt.toISOString(), paused: this.paused }
  }

  /** Takes a track from now on. What is encrypted end to end is left out: nobody could show it. */
  take(producer: Producer): void {
    if (this.#zero === undefined || this.#ended || this.#tracks.has(producer.id)) return
    if (producer.participant.encryption) return
    const taking = this.#take(producer).catch(error => {
      if (!producer.closed && !this.#ended)
        this.#call.logger.warn({ err: error, producerId: producer.id }, 'a track is not recorded')
      return undefined
    })
    this.#tracks.set(producer.id, taking)
  }

  /** Who speaks from now on. */
  speaks(participantId: string | null): void {
    this.#note({ what: 'speaker', participantId })
  }

  /** Keeps nothing for a while, or goes on. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused === this.paused || this.#ended) return
    if (paused) this.#pausedAt = performance.now()
    else {
      if (this.#zero !== undefined) this.#zero += performance.now() - (this.#pausedAt ?? 0)
      this.#pausedAt = undefined
      this.#note({ what: 'resumed' })
    }
    this.#call.changed()
    this.#call.tellPending()
    const tracks = await Promise.all(this.#tracks.values())
    await Promise.allSettled(tracks.map(track => (track?.closed ? undefined : track?.setPaused(paused))))
  }

  /** Ends it, for whatever reason; resolves once all of it is put away, and everybody told. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#call.recording === this) this.#call.recording = undefined
    this.#call.changed()
    this.#call.tellPending()
    for (const opening of this.#transports.values()) {
      opening.then(transport => transport.close()).catch(() => undefined)
    }
    await this.#writer.end()
    const { roomId, id: callId } = this.#call
    this.#call.logger.info({ roomId, callId, recordingId: this.id }, 'recording ended')
    this.#call.notices.tell('recording:ended', {
      roomId,
      recordingId: this.id,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    })
    this.#onEnd()
  }

  #begin(): void {
    this.#zero = performance.now()
    if (this.#pausedAt !== undefined) this.#pausedAt = this.#zero
    this.#timer = setTimeout(() => {
      this.#problem = TOO_LONG
      void this.end()
    }, LIMITS.recordingSeconds * 1_000)
    for (const participant of this.#call.participants.values()) {
      for (const producer of participant.producers.values()) this.take(producer)
    }
  }

  async #take(producer: Producer): Promise<TakenTrack | undefined> {
    const number = this.#nextTrack++
    const track = await TakenTrack.create({
      number,
      producer,
      transport: await this.#transportAt(producer.place.router),
      onPacket: (number, packet) => {
        if (!this.paused && !this.#ended)
          this.#writer.add({ type: 'packet', track: number, ms: this.#now(), packet })
      },
      onNote: note => this.#note(note),
    })
    const { ssrc } = track
    if (ssrc !== undefined) this.#numbers.set(ssrc, number)
    const forget = () => {
      this.#tracks.delete(producer.id)
      if (ssrc !== undefined) this.#numbers.delete(ssrc)
    }
    track.onClose(forget)
    if (track.closed) forget()
    else if (!this.paused) await track.setPaused(false)
    return track
  }

  /** One for all tracks of a router; it ends with it. */
  #transportAt(router: types.Router): Promise<types.DirectTransport> {
    const known = this.#transports.get(router)
    if (known) return known
    const opening = router.createDirectTransport().then(transport => {
      transport.on('rtcp', packet => this.#onReports(packet))
      return transport
    })
    this.#transports.set(router, opening)
    router.observer.once('close', () => this.#transports.delete(router))
    return opening
  }

  /**
   * The engine reports what the clock of each track says now of what is captured now, as far as the sender's own reports let
   * it know: by these, sound and picture are put beside each other.
   */
  #onReports(packet: Buffer): void {
    if (this.paused) return
    for (const { ssrc, timestamp } of senderReports(packet)) {
      const track = this.#numbers.get(ssrc)
      if (track !== undefined) this.#note({ what: 'clock', track, timestamp })
    }
  }

  #now(): number {
    return (this.#pausedAt ?? performance.now()) - (this.#zero ?? 0)
  }

  #note(note: JournalNote): void {
    if (this.#zero === undefined || this.#ended) return
    this.#writer.add({ type: 'note', ms: this.#now(), note })
  }
}
