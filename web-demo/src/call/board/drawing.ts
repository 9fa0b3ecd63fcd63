import { BOARD_LIMITS } from './limits.ts'
import { compareStrokes, type Stroke } from './stroke.ts'

/**
 * What is on a board. Whoever has heard the same messages has the same drawing, in whatever order and however often they
 * came: strokes only grow, and what is gone stays gone.
 */
export class Drawing {
  readonly #strokes = new Map<string, Stroke>()
  readonly #removed = new Set<string>()
  #points = 0
  #latest = 0
  #sorted: readonly Stroke[] | undefined

  /** From the lowest to the one on top. */
  get strokes(): readonly Stroke[] {
    this.#sorted ??= [...this.#strokes.values()].sort(compareStrokes)
    return this.#sorted
  }

  /** Ids of those that are gone, the first first. */
  get removed(): readonly string[] {
    return [...this.#removed]
  }

  get isBlank(): boolean {
    return this.#strokes.size === 0
  }

  /** Whether no stroke can be begun any more. */
  get isFull(): boolean {
    return this.#strokes.size >= BOARD_LIMITS.strokes || this.#points >= BOARD_LIMITS.boardPoints
  }

  /** The place of a stroke that lies upon all there are. */
  get next(): number {
    return Math.min(this.#latest + 1, BOARD_LIMITS.at)
  }

  get(id: string): Stroke | undefined {
    return this.#strokes.get(id)
  }

  /** The last stroke somebody drew that is still there. */
  lastOf(userId: string): Stroke | undefined {
    return this.strokes.findLast(({ by }) => by === userId)
  }

  /** Takes a stroke, or the longer form of one it has. Whether anything changed. */
  put(stroke: Stroke): boolean {
    const known = this.#strokes.get(stroke.id)
    if (this.#removed.has(stroke.id)) return false
    if (known && (known.by !== stroke.by || known.points.length >= stroke.points.length)) return false
    const more = (stroke.points.length - (known?.points.length ?? 0)) / 2
    if (!known && this.#strokes.size >= BOARD_LIMITS.strokes) return false
    if (this.#points + more > BOARD_LIMITS.boardPoints) return false
    // Where it lies was said when it began.
    this.#strokes.set(stroke.id, known ? { ...known, points: stroke.points } : stroke)
    this.#points += more
    this.#latest = Math.max(this.#latest, stroke.at)
    this.#sorted = undefined
    return true
  }

  /**
   * A stroke goes on.
   * @param from how many numbers of it come before `points`
   * @returns whether it could be taken; false as well when something before it is missing
   */
  extend(id: string, from: number, points: readonly number[]): boolean {
    const stroke = this.#strokes.get(id)
    if (!stroke) return this.#removed.has(id)
    if (from > stroke.points.length) return false
    const all = [...stroke.points.slice(0, from), ...points]
    if (all.length > BOARD_LIMITS.strokePoints * 2) return false
    this.put({ ...stroke, points: all })
    return true
  }

  /** These are gone, also those that come later than this is heard. Whether anything changed. */
  remove(ids: readonly string[]): boolean {
    let changed = false
    for (const id of ids) {
      if (this.#removed.has(id)) continue
      this.#removed.add(id)
      const stroke = this.#strokes.get(id)
      this.#strokes.delete(id)
      this.#points -= (stroke?.points.length ?? 0) / 2
      changed = true
    }
    for (const id of this.#removed) {
      if (this.#removed.size <= BOARD_LIMITS.removed) break
      this.#removed.delete(id)
    }
    if (changed) this.#sorted = undefined
    return changed
  }

  /** Two boards that look the same have the same. */
  get digest(): string {
    let hash = 0x811c9dc5
    for (const { id, points } of this.strokes) {
      for (const character of `${id}:${points.length};`) {
        hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
      }
    }
    return `${this.#strokes.size}.${(hash >>> 0).toString(36)}`
  }
}
