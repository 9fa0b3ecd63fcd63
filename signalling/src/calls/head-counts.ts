import type { Call } from '@trunkline/protocol'

/** Where nothing of a call has changed but how many listen, that is told this often, milliseconds. */
const COUNT_MS = 5_000

type Told = { text: string; waiting?: { timer: NodeJS.Timeout; call: Call } }

/** Tells of calls: at once of whatever is new, and now and then of how many more listen. Listeners come and go by the hundred. */
export class HeadCounts {
  readonly #tell: (roomId: string, call: Call | null) => void
  /** By room: calls with listeners who are only counted. */
  readonly #told = new Map<string, Told>()

  constructor(tell: (roomId: string, call: Call | null) => void) {
    this.#tell = tell
  }

  tell(roomId: string, call: Call | null): void {
    const told = this.#told.get(roomId)
    const text = call ? withoutCount(call) : ''
    if (call && told?.text === text) {
      if (told.waiting) told.waiting.call = call
      else told.waiting = { call, timer: setTimeout(() => this.#tellCount(roomId, told), COUNT_MS) }
      return
    }
    clearTimeout(told?.waiting?.timer)
    if (call?.moreListeners === undefined) this.#told.delete(roomId)
    else this.#told.set(roomId, { text })
    this.#tell(roomId, call)
  }

  close(): void {
    for (const { waiting } of this.#told.values()) clearTimeout(waiting?.timer)
    this.#told.clear()
  }

  #tellCount(roomId: string, told: Told): void {
    const call = told.waiting?.call
    delete told.waiting
    if (!call) return
    if (call.moreListeners === undefined) this.#told.delete(roomId)
    this.#tell(roomId, call)
  }
}

const withoutCount = ({ moreListeners: _, ...call }: Call): string => JSON.stringify(call)
