import { BOARD_ASPECT, ERASER_TIMES, type Ink, SPAN, type Stroke, WIDTHS } from './stroke.ts'

type Colours = Readonly<Record<Exclude<Ink, 'eraser'>, string>>

/** What the names of inks are on a board of that scheme; each is told from the paper at 4.5 to 1 or better. */
export const COLOURS: Readonly<Record<'light' | 'dark', Colours>> = {
  light: { black: '#191b1a', red: '#c2352b', blue: '#1f5fc0', green: '#17734a', orange: '#a85a00' },
  dark: { black: '#f2f4f2', red: '#ff8a80', blue: '#82b6ff', green: '#62d6a0', orange: '#ffb560' },
}

/** The line through the points, on a board so many pixels wide. A point alone is a dot. */
export const pathOf = ({ points }: Stroke, width: number): Path2D => {
  const path = new Path2D()
  const height = width / BOARD_ASPECT
  const x = (n: number) => ((points[n] ?? 0) / SPAN) * width
  const y = (n: number) => ((points[n + 1] ?? 0) / SPAN) * height
  path.moveTo(x(0), y(0))
  if (points.length === 2) path.lineTo(x(0), y(0))
  // Curves from the middle of one piece to the middle of the next have no corners.
  for (let n = 2; n < points.length - 2; n += 2) {
    path.quadraticCurveTo(x(n), y(n), (x(n) + x(n + 2)) / 2, (y(n) + y(n + 2)) / 2)
  }
  if (points.length > 2) path.lineTo(x(points.length - 2), y(points.length - 2))
  return path
}

/** Draws strokes, and keeps the lines of those that did not change since. */
export class Painter {
  readonly #paths = new Map<string, { points: readonly number[]; width: number; path: Path2D }>()

  /** @param width of the board in pixels */
  paint(
    context: CanvasRenderingContext2D,
    strokes: readonly Stroke[],
    width: number,
    colours: Colours,
  ): void {
    context.clearRect(0, 0, width, width / BOARD_ASPECT)
    context.lineCap = 'round'
    context.lineJoin = 'round'
    for (const stroke of strokes) {
      const isEraser = stroke.ink === 'eraser'
      context.globalCompositeOperation = isEraser ? 'destination-out' : 'source-over'
      context.strokeStyle = stroke.ink === 'eraser' ? '#000' : colours[stroke.ink]
      context.lineWidth = WIDTHS[stroke.width] * (isEraser ? ERASER_TIMES : 1) * width
      context.stroke(this.#path(stroke, width))
    }
    context.globalCompositeOperation = 'source-over'
    if (this.#paths.size > strokes.length * 2 + 10) this.#forget(strokes)
  }

  #path(stroke: Stroke, width: number): Path2D {
    const known = this.#paths.get(stroke.id)
    if (known && known.points === stroke.points && known.width === width) return known.path
    const path = pathOf(stroke, width)
    this.#paths.set(stroke.id, { points: stroke.points, width, path })
    return path
  }

  #forget(strokes: readonly Stroke[]): void {
    const there = new Set(strokes.map(({ id }) => id))
    for (const id of this.#paths.keys()) if (!there.has(id)) this.#paths.delete(id)
  }
}
