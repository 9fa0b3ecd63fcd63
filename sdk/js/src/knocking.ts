import type { TrunklineError } from '@trunkline/protocol'
import { wait } from './backoff.ts'
import { type Connection, closedError } from './connection.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'

/** `refused`: the server lets nobody knock here (any more), and `error` says why. */
export type KnockingState = 'waiting' | 'admitted' | 'denied' | 'cancelled' | 'refused'
export type KnockingEvents = { changed: [] }

/** Waiting at the door of a call, until a host answers. Made by `room.knock()`; it lasts through reconnects. */
export class Knocking extends Emitter<KnockingEvents> {
  readonly #connection: Connection
  readonly #roomId: string
  readonly #stops: (() => void)[] = []
  #state: KnockingState = 'waiting'
  #reason: string | undefined
  #error: TrunklineError | undefined
  #asking = false

  constructor(connection: Connection, roomId: string) {
    super()
    this.#connection = connection
    this.#roomId = roomId
    this.#stops.push(
      connection.on('call:admitted', notice => {
        if (notice.roomId === roomId) this.#end('admitted')
      }),
      connection.on('call:denied', notice => {
        if (notice.roomId !== roomId) return
        this.#reason = notice.reason
        this.#end('denied')
      }),
      connection.on('state', state => {
        if (state === 'connected') void this.#ask()
        else if (state === 'refused' || state === 'closed') this.#refuse(connection.error)
      }),
    )
    if (connection.state === 'connected') void this.#ask()
  }

  get state(): KnockingState {
    return this.#state
  }
  /** What the host said who turned one away. */
  get reason(): string | undefined {
    return this.#reason
  }
  /** Why nobody may knock here, in state `refused`. */
  get error(): TrunklineError | undefined {
    return this.#error
  }

  /** Waits no longer. */
  cancel(): void {
    if (this.#state !== 'waiting') return
    this.#end('cancelled')
    this.#connection.request('call:unknock', { roomId: this.#roomId }).catch(() => undefined)
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    try {
      while (this.#state === 'waiting') {
        try {
          await this.#connection.request('call:knock', { roomId: this.#roomId })
          return
        } catch (thrown) {
          const error = toTrunklineError(thrown)
          // Without a connection it is asked again when there is one.
          if (this.#connection.state !== 'connected') return
          if (!error.retryable) return this.#refuse(error)
          await wait(error.details?.retryAfterMs ?? 1_000)
        }
      }
    } finally {
      this.#asking = false
    }
  }

  #refuse(error: TrunklineError | undefined): void {
    this.#error = error ?? closedError()
    this.#end('refused')
  }

  #end(state: KnockingState): void {
    if (this.#state !== 'waiting') return
    this.#state = state
    for (const stop of this.#stops) stop()
    this.emit('changed')
  }
}
