import type { Participant } from '@trunkline/sdk'
import { BOARD_LIMITS } from './limits.ts'

/** How long a pointer is shown that nothing was heard of, ms. */
const SHOWN_MS = 4_000

export type Pointer = { participant: Participant; x: number; y: number }

/** Where the others point on the board. */
export class Pointers {
  readonly #changed: () => void
  readonly #all = new Map<string, Pointer & { timer: ReturnType<typeof setTimeout> }>()

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get all(): readonly Pointer[] {
    return [...this.#all.values()]
  }

  put(participant: Participant, { x, y }: { x: number; y: number }): void {
    const { id } = participant
    const known = this.#all.get(id)
    if (!known && this.#all.size >= BOARD_LIMITS.pointers) return
    clearTimeout(known?.timer)
    this.#all.set(id, { participant, x, y, timer: setTimeout(() => this.drop(id), SHOWN_MS) })
    this.#changed()
  }

  drop(id: string): void {
    clearTimeout(this.#all.get(id)?.timer)
    if (this.#all.delete(id)) this.#changed()
  }

  close(): void {
    for (const { timer } of this.#all.values()) clearTimeout(timer)
    this.#all.clear()
  }
}
