import type { Logger } from '@trunkline/kit'
import { type DrainedWorker, type SfuDrain, type SfuNode, TrunklineError } from '@trunkline/protocol'
import { losePlace } from './cascade.ts'
import type { Participant } from './participant.ts'
import type { Place } from './place.ts'
import type { Worker } from './worker.ts'
import type { WorkerPool } from './worker-pool.ts'

type Drain = {
  /** Of which worker; of all when undefined. */
  pid: number | undefined
  startedAt: Date
  endedAt: Date | undefined
  workers: DrainedWorker[]
  /** By id: a call may be moved twice, where all workers are drained, and counts once. */
  moved: Set<string>
  lost: Set<string>
  /** By id, with the room whose call it is in. */
  participants: Map<string, string>
}

type Deps = {
  pool: WorkerPool
  logger: Logger
  find: (spoken: { roomId: string; participantId: string }) => Participant | undefined
}

/** Calls moved off workers whose processes are to be replaced, and how that goes. The last one is remembered. */
export class Drains {
  readonly #deps: Deps
  readonly #pool: WorkerPool
  #last: Drain | undefined

  constructor(deps: Deps) {
    this.#deps = deps
    this.#pool = deps.pool
  }

  /**
   * Begins to move the calls of a worker, or of all of them in turn. Who asks for what goes on already is told of that.
   * @returns resolves when it has ended
   * @throws TrunklineError `not_found` for a worker that is not there, `conflict` while another drain goes on
   */
  begin(pid: number | undefined): Promise<void> {
    if (this.#last && !this.#last.endedAt) {
      if (this.#last.pid === pid) return Promise.resolve()
      throw new TrunklineError('conflict', 'Another drain goes on: wait for its end, then drain again.')
    }
    const all = this.#pool.own
    // Who has least to move begins, and the others move to where nobody has to leave again.
    const workers = (pid === undefined ? all : all.filter(worker => worker.pid === pid)).sort(
      (one, other) => one.load - other.load,
    )
    if (workers.length === 0) throw noSuchWorker(all, pid)
    const drain: Drain = {
      pid,
      startedAt: new Date(),
      endedAt: undefined,
      workers: workers.map(worker => ({
        pid: worker.pid,
        port: worker.port,
        state: 'waiting',
        calls: 0,
        participants: 0,
      })),
      moved: new Set(),
      lost: new Set(),
      participants: new Map(),
    }
    this.#last = drain
    return this.#run(drain, workers)
  }

  overview(): Pick<SfuNode, 'workers' | 'drain'> {
    return {
      workers: this.#pool.workers.map(({ pid, host, port, places }) => ({
        pid,
        ...(host === undefined ? {} : { host }),
        port,
        calls: places.size,
        participants: peopleAt(places).length,
      })),
      drain: this.#last ? this.#toPublic(this.#last) : null,
    }
  }

  async #run(drain: Drain, workers: readonly Worker[]): Promise<void> {
    this.#pool.avoid(workers)
    try {
      for (const [index, worker] of workers.entries()) {
        const state = drain.workers[index]
        if (state) await this.#drainOne(drain, worker, state)
      }
    } finally {
      drain.endedAt = new Date()
      const { calls, participants } = this.#toPublic(drain)
      this.#deps.logger.info({ workers: workers.length, calls, participants }, 'media workers are drained')
    }
  }

  async #drainOne(drain: Drain, worker: Worker, state: DrainedWorker): Promise<void> {
    if (worker.closed) {
      state.state = 'lost'
      return
    }
    state.state = 'moving'
    const replacement = await this.#pool.drain(worker, async () => {
      const places = [...worker.places]
      const people = peopleAt(places)
      state.calls = places.length
      state.participants = people.length
      for (const { id, call } of people) drain.participants.set(id, call.roomId)
      await Promise.all(places.map(place => move(drain, place)))
    })
    state.state = replacement ? 'replaced' : 'not_replaced'
    if (replacement) state.replacedBy = replacement.pid
  }

  #toPublic({ startedAt, endedAt, workers, moved, lost, participants }: Drain): SfuDrain {
    const now = Array.from(participants, ([participantId, roomId]) =>
      this.#deps.find({ roomId, participantId }),
    )
    const there = now.filter(participant => participant !== undefined)
    const away = there.filter(({ awaySince }) => awaySince).length
    return {
      startedAt: startedAt.toISOString(),
      endedAt: endedAt?.toISOString() ?? null,
      workers,
      calls: { moved: moved.size, lost: lost.size },
      participants: {
        moved: now.length,
        back: there.length - away,
        away,
        left: now.length - there.length,
      },
    }
  }
}

const peopleAt = (places: Iterable<Place>): Participant[] =>
  Array.from(places).flatMap(({ people }) => [...people].filter(({ joined }) => joined))

const move = async (drain: Drain, place: Place): Promise<void> => {
  const { call } = place
  drain.moved.add(call.id)
  if (await losePlace(place, 'The media worker of this call is replaced.')) return
  drain.moved.delete(call.id)
  drain.lost.add(call.id)
}

const noSuchWorker = (workers: readonly Worker[], pid: number | undefined): TrunklineError => {
  const known = workers.map(worker => `${worker.pid} (port ${worker.port})`).join(', ')
  return new TrunklineError(
    'not_found',
    workers.length === 0
      ? 'No media worker is running now. Try again in a moment.'
      : `There is no media worker with process ${pid}: there are ${known}.`,
  )
}
