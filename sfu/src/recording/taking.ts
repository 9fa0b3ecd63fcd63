import { type JournalNote, LIMITS } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Call } from '../call.ts'
import type { Producer } from '../producer.ts'
import { PartWriter, type PutPart } from './part-writer.ts'
import { TakenTrack } from './taken-track.ts'

export type TakingOptions = {
  put: PutPart
  /** How much is put away at a time at most, milliseconds of it. */
  partMs?: number
  /** Whether an empty part says that it is over. */
  marksEnd?: boolean
  /** Whether time goes on while it is paused; else the pauses are left out of it. */
  keepsTime: boolean
  /** Told once, in a sentence for people, when nothing more can be kept. */
  onProblem: (problem: string) => void
}

/**
 * The packets of a call's tracks as they come, and what happens meanwhile, as a journal in parts. The workers of the call may
 * die and it may move: tracks end with a worker, and are taken anew where they are published again.
 */
export class Taking {
  readonly #call: Call
  readonly #writer: PartWriter
  readonly #keepsTime: boolean
  /** By producer. */
  readonly #tracks = new Map<string, Promise<TakenTrack | undefined>>()
  readonly #transports = new Map<types.Router, Promise<types.DirectTransport>>()
  #nextTrack = 0
  /** How many tracks of each user were taken. */
  readonly #taken = new Map<string, number>()
  /** `performance.now()` where the time of the journal is 0: pauses that are left out move it. */
  #zero: number | undefined
  #pausedAt: number | undefined
  #isOver = false

  constructor(call: Call, options: TakingOptions) {
    this.#call = call
    this.#keepsTime = options.keepsTime
    this.#writer = new PartWriter(options)
  }

  get paused(): boolean {
    return this.#pausedAt !== undefined
  }

  /** From here on tracks are taken: those that are there, and those that come. */
  begin(): void {
    if (this.#isOver) return
    this.#zero = performance.now()
    if (this.#pausedAt !== undefined) {
      this.#pausedAt = this.#zero
      this.note({ what: 'paused' })
    }
    for (const participant of this.#call.participants.values()) {
      for (const producer of participant.producers.values()) this.take(producer)
    }
  }

  /** Takes a track from now on. What is encrypted end to end is left out: nobody could show it. */
  take(producer: Producer): void {
    if (this.#zero === undefined || this.#isOver || this.#tracks.has(producer.id)) return
    if (producer.participant.encryption) return
    const { userId } = producer.participant
    const taken = this.#taken.get(userId) ?? 0
    // Each costs whoever makes a film of it some seconds, and a journal numbers no more than 65,536.
    if (taken >= LIMITS.tracksRecordedPerUser) return
    this.#taken.set(userId, taken + 1)
    const taking = this.#take(producer).catch(error => {
      if (!producer.closed && !this.#isOver)
        this.#call.logger.warn({ err: error, producerId: producer.id }, 'a track is not taken')
      return undefined
    })
    this.#tracks.set(producer.id, taking)
  }

  /** Takes nothing for a while, or goes on. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused === this.paused || this.#isOver) return
    if (paused) {
      this.note({ what: 'paused' })
      this.#pausedAt = performance.now()
    } else {
      if (this.#zero !== undefined && !this.#keepsTime)
        this.#zero += performance.now() - (this.#pausedAt ?? 0)
      this.#pausedAt = undefined
      this.note({ what: 'resumed' })
    }
    const tracks = await Promise.all(this.#tracks.values())
    await Promise.allSettled(tracks.map(track => (track?.closed ? undefined : track?.setPaused(paused))))
  }

  /** Has all pictures begin anew, so that whoever comes to them can decode them. */
  async askForPictures(): Promise<void> {
    if (this.paused) return
    for (const track of await Promise.all(this.#tracks.values())) track?.askForPicture()
  }

  note(note: JournalNote): void {
    if (this.#zero === undefined || this.#isOver) return
    this.#writer.add({ type: 'note', ms: this.#now(), note })
  }

  /** Ends it; resolves once all of it is put away. */
  async end(): Promise<void> {
    this.#isOver = true
    for (const opening of this.#transports.values()) {
      opening.then(transport => transport.close()).catch(() => undefined)
    }
    await this.#writer.end()
  }

  async #take(producer: Producer): Promise<TakenTrack | undefined> {
    const number = this.#nextTrack++
    const track = await TakenTrack.create({
      number,
      producer,
      transport: await this.#transportAt(producer.place.router),
      onPacket: (number, packet) => {
        if (!this.paused && !this.#isOver)
          this.#writer.add({ type: 'packet', track: number, ms: this.#now(), packet })
      },
      onNote: note => this.note(note),
      onReport: report => {
        if (!this.paused) this.note({ what: 'clock', track: number, ...report })
      },
    })
    const forget = () => void this.#tracks.delete(producer.id)
    track.onClose(forget)
    if (track.closed) forget()
    else if (!this.paused) await track.setPaused(false)
    return track
  }

  /** One for all tracks of a router; it ends with it. */
  #transportAt(router: types.Router): Promise<types.DirectTransport> {
    const known = this.#transports.get(router)
    if (known) return known
    const opening = router.createDirectTransport()
    this.#transports.set(router, opening)
    opening.catch(() => this.#transports.delete(router))
    router.observer.once('close', () => this.#transports.delete(router))
    return opening
  }

  #now(): number {
    const now = this.#keepsTime ? performance.now() : (this.#pausedAt ?? performance.now())
    return now - (this.#zero ?? 0)
  }
}
