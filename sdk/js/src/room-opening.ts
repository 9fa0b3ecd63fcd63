import type { OpenedRoom, RequestData, TrunklineError } from '@trunkline/protocol'
import { Backoff, wait } from './backoff.ts'
import { toTrunklineError } from './errors.ts'
import { PAGE } from './log-sync.ts'

export type OpeningPort = {
  /** Number of the last event known: only what came after it is asked for. */
  last: () => number | undefined
  ask: (request: Omit<RequestData<'room:open'>, 'roomId'>) => Promise<OpenedRoom>
  opened: (opened: OpenedRoom, after: number | undefined) => void
  /** Trying again by itself cannot help. */
  refused: (error: TrunklineError) => void
}

/** Opens a room with each connection: tries until it is open, refused, or the connection is gone. */
export class RoomOpening {
  readonly #port: OpeningPort
  #attempt = 0

  constructor(port: OpeningPort) {
    this.#port = port
  }

  /** Gives up what is under way: its answer counts no more. */
  stop(): void {
    this.#attempt += 1
  }

  async start(): Promise<void> {
    const backoff = new Backoff()
    const attempt = ++this.#attempt
    while (attempt === this.#attempt) {
      try {
        const after = this.#port.last()
        const opened = await this.#port.ask({ limit: PAGE, ...(after !== undefined && { after }) })
        if (attempt === this.#attempt) this.#port.opened(opened, after)
        return
      } catch (thrown) {
        const error = toTrunklineError(thrown)
        if (attempt !== this.#attempt) return
        if (!error.retryable) {
          this.#port.refused(error)
          return
        }
        await wait(error.details?.retryAfterMs ?? backoff.next())
      }
    }
  }
}
