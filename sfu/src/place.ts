import type { types } from 'mediasoup'
import type { Call } from './call.ts'
import { unavailable } from './refusals.ts'
import { Speaker } from './speaker.ts'
import type { Worker } from './worker.ts'
import type { WorkerPool } from './worker-pool.ts'

/** Workers that may die one after the other while a place is looked for. */
const TRIES = 3

/** Where a call is: a router of one worker, and who listens there for speech. It ends with the worker, the call does not. */
export class Place {
  readonly worker: Worker
  readonly router: types.Router
  readonly speaker: Speaker

  private constructor(worker: Worker, router: types.Router, speaker: Speaker) {
    this.worker = worker
    this.router = router
    this.speaker = speaker
  }

  /**
   * A place on the least loaded worker.
   * @param onSpeaker told the producer of whoever speaks there, null in silence
   * @throws TrunklineError `unavailable` when no worker lives
   */
  static async find(pool: WorkerPool, onSpeaker: (producerId: string | null) => void): Promise<Place> {
    for (let tries = 1; ; tries++) {
      const { worker, router } = await pool.createRouter()
      try {
        const speaker = await Speaker.create(router, onSpeaker)
        if (!router.closed) return new Place(worker, router, speaker)
        if (tries === TRIES) throw unavailable('The media workers die one after the other. Try again.')
      } catch (error) {
        router.close()
        if (!worker.closed || tries === TRIES) throw error
      }
    }
  }

  take(call: Call): void {
    this.worker.calls.add(call)
  }

  /** Ends everything of the call that is here. */
  leave(call: Call): void {
    this.worker.calls.delete(call)
    this.router.close()
  }
}
