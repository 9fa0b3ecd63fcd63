import type { Reading } from './readings.ts'

/** How often it is tried whether pictures can be read again (ms): there may be no sound that would tell. */
const TRY_EVERY_MS = 10_000
/** How long a try takes (ms); what cannot be read is known after a second. */
const TRY_MS = 2_000

/**
 * Has pictures that cannot be read paused, but for a try now and then. A decoder that is shown nothing asks for key frames
 * all the time: one viewer with the wrong key made a sender encode two and a half a second, for everybody.
 */
export class Unreadable {
  readonly #pause: (participantId: string, paused: boolean) => void
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  /** @param pause to pause all pictures of a participant, or let them flow */
  constructor(pause: (participantId: string, paused: boolean) => void) {
    this.#pause = pause
  }

  learn(participantId: string, reading: Reading): void {
    if (reading === 'readable') {
      this.forget(participantId)
      this.#pause(participantId, false)
    } else this.#hold(participantId)
  }

  /** There is another key: everything is tried at once. */
  tryAll(): void {
    for (const participantId of [...this.#timers.keys()]) this.#try(participantId)
  }

  forget(participantId: string): void {
    clearTimeout(this.#timers.get(participantId))
    this.#timers.delete(participantId)
  }

  close(): void {
    for (const participantId of [...this.#timers.keys()]) this.forget(participantId)
  }

  #hold(participantId: string): void {
    this.#pause(participantId, true)
    this.#next(participantId, TRY_EVERY_MS, () => this.#try(participantId))
  }

  #try(participantId: string): void {
    this.#pause(participantId, false)
    this.#next(participantId, TRY_MS, () => this.#hold(participantId))
  }

  #next(participantId: string, ms: number, act: () => void): void {
    this.forget(participantId)
    this.#timers.set(participantId, setTimeout(act, ms))
  }
}
