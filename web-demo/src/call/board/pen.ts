import type { SharedBoard } from './shared-board.ts'
import { type Ink, SPAN, type Width } from './stroke.ts'

/** Nearer than this to the last point (in coordinates of strokes) nothing new is to be seen. */
const NEAR = 18

export type Tool = { ink: Ink; width: Width }

const within = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * SPAN)

/** Draws with a mouse, a finger or a pen on an element: one at a time, the others are a hand that rests. */
export class Pen {
  readonly #element: HTMLElement
  readonly #board: SharedBoard
  readonly #tool: () => Tool
  readonly #full: () => void
  #pointer: number | undefined
  #last: { x: number; y: number } | undefined

  /** @param full called when there is no more room on the board */
  constructor(deps: { element: HTMLElement; board: SharedBoard; tool: () => Tool; full: () => void }) {
    this.#element = deps.element
    this.#board = deps.board
    this.#tool = deps.tool
    this.#full = deps.full
    deps.element.addEventListener('pointerdown', this.#down)
    deps.element.addEventListener('pointermove', this.#move)
    deps.element.addEventListener('pointerup', this.#up)
    deps.element.addEventListener('pointercancel', this.#up)
    deps.element.addEventListener('pointerleave', this.#leave)
  }

  close(): void {
    this.#element.removeEventListener('pointerdown', this.#down)
    this.#element.removeEventListener('pointermove', this.#move)
    this.#element.removeEventListener('pointerup', this.#up)
    this.#element.removeEventListener('pointercancel', this.#up)
    this.#element.removeEventListener('pointerleave', this.#leave)
    this.#board.end()
    this.#board.point(undefined)
  }

  readonly #down = (event: PointerEvent) => {
    if (this.#pointer !== undefined || event.button !== 0 || !this.#board.canDraw) return
    this.#element.setPointerCapture(event.pointerId)
    const at = this.#at(event)
    this.#begin([at.x, at.y])
    if (this.#last) this.#pointer = event.pointerId
  }

  readonly #move = (event: PointerEvent) => {
    if (event.isPrimary) this.#board.point(this.#at(event))
    if (event.pointerId !== this.#pointer) return
    const before = this.#last
    const points: number[] = []
    const moves = event.getCoalescedEvents()
    for (const move of moves.length > 0 ? moves : [event]) {
      const at = this.#at(move)
      if (this.#last && Math.hypot(at.x - this.#last.x, at.y - this.#last.y) < NEAR) continue
      this.#last = at
      points.push(at.x, at.y)
    }
    if (points.length === 0 || this.#board.draw(points)) return
    // The stroke is as long as one may be, or was taken away meanwhile: it goes on as another.
    this.#begin(before ? [before.x, before.y, ...points] : points)
  }

  readonly #up = (event: PointerEvent) => {
    if (event.pointerId !== this.#pointer) return
    this.#pointer = undefined
    this.#last = undefined
    this.#board.end()
  }

  readonly #leave = () => this.#board.point(undefined)

  #begin(points: readonly number[]): void {
    const { ink, width } = this.#tool()
    const [x, y] = points.slice(-2)
    if (this.#board.begin(ink, width, points) && x !== undefined && y !== undefined) {
      this.#last = { x, y }
      return
    }
    this.#pointer = undefined
    this.#last = undefined
    if (this.#board.isFull) this.#full()
  }

  #at({ clientX, clientY }: PointerEvent): { x: number; y: number } {
    const box = this.#element.getBoundingClientRect()
    return { x: within((clientX - box.left) / box.width), y: within((clientY - box.top) / box.height) }
  }
}
