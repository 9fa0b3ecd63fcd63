import type { types } from 'mediasoup'
import type { Call } from './call.ts'
import type { Participant } from './participant.ts'
import { Pipe } from './pipe.ts'
import { unavailable } from './refusals.ts'
import { type Heard, Speaker } from './speaker.ts'
import type { Worker } from './worker.ts'

/** Workers that may die one after the other while a place is looked for. */
const TRIES = 3

/** A router on some worker. */
export type Ground = { worker: Worker; router: types.Router }

/**
 * Where some of a call's participants send and receive: a router of one worker, and who listens there for speech. It ends
 * with the worker, the call does not.
 */
export class Place {
  readonly call: Call
  readonly worker: Worker
  readonly router: types.Router
  readonly speaker: Speaker
  /** Everybody whose transports are here, those included who are about to come in. */
  readonly people = new Set<Participant>()
  /** How many are on their way here, and have no transports yet. */
  #arriving = 0
  readonly #pipes = new Map<Place, Promise<Pipe>>()

  private constructor(call: Call, { worker, router }: Ground, speaker: Speaker) {
    this.call = call
    this.worker = worker
    this.router = router
    this.speaker = speaker
    worker.places.add(this)
  }

  /**
   * @param find gives where it is to be, anew when that worker dies; undefined when there is nowhere
   * @param onHeard told who speaks there, null in silence
   * @throws TrunklineError `unavailable` when one worker after the other dies
   */
  static async open(
    call: Call,
    find: () => Promise<Ground | undefined>,
    onHeard: (place: Place, heard: Heard | null) => void,
  ): Promise<Place | undefined> {
    for (let tries = 1; ; tries++) {
      const ground = await find()
      if (!ground) return undefined
      try {
        const speaker = await Speaker.create(ground.router)
        if (!ground.router.closed) {
          const place = new Place(call, ground, speaker)
          speaker.onHeard(heard => onHeard(place, heard))
          return place
        }
        if (tries === TRIES) throw unavailable('The media workers die one after the other. Try again.')
      } catch (error) {
        ground.router.close()
        if (!ground.worker.closed || tries === TRIES) throw error
      }
    }
  }

  get closed(): boolean {
    return this.router.closed
  }

  /** What the worker carries for it, roughly in streams. Who is about to receive all there is counts as doing so. */
  get load(): number {
    const { tracks } = this.call
    let load = 1 + this.#arriving * (1 + tracks)
    for (const participant of this.people) load += 1 + participant.streams(tracks)
    return load
  }

  get isEmpty(): boolean {
    return this.people.size === 0 && this.#arriving === 0
  }

  /** Keeps it for somebody on the way. Returns what is to be called, once, when they are here or will not come. */
  expect(): () => void {
    this.#arriving += 1
    return () => {
      this.#arriving -= 1
      this.call.tidy(this)
    }
  }

  /** Those that begin or end here, the ones on their way included. */
  get pipes(): Promise<Pipe>[] {
    return [...this.#pipes.values()]
  }

  /** The pipe to another place of the call, made when there is none. */
  pipeTo(other: Place): Promise<Pipe> {
    const known = this.#pipes.get(other)
    if (known) return known
    const made = Pipe.create(this, other)
    for (const [place, end] of [[this, other] as const, [other, this] as const]) place.#pipes.set(end, made)
    made.catch(() => this.#forgetPipe(other))
    return made
  }

  /** Ends everything of the call that is here. */
  close(): void {
    this.worker.places.delete(this)
    for (const other of [...this.#pipes.keys()]) this.#forgetPipe(other)
    this.router.close()
  }

  #forgetPipe(other: Place): void {
    this.#pipes.delete(other)
    other.#pipes.delete(this)
  }
}
