import { BOARD_LIMITS } from './limits.ts'
import { isId, parsePoints, parseStroke, type Stroke } from './stroke.ts'

/** What travels on the reliable topic. */
export type BoardMessage =
  /** A stroke begins. */
  | { type: 'draw'; stroke: Stroke }
  /** It goes on: `points` come after the first `from` numbers of it. */
  | { type: 'extend'; id: string; from: number; points: readonly number[] }
  /** Strokes go: one's own last, or all there are. */
  | { type: 'remove'; ids: readonly string[] }
  /** Whoever has the board sends it, please. */
  | { type: 'ask'; question: string }
  /** A part of the board, for whoever asked that; without a question it is for somebody who has just come. */
  | { type: 'board'; question: string | null; strokes: readonly Stroke[]; removed: readonly string[] }

/** What travels on the lossy topic: where a pointer is, that it is gone, or what the whole board of somebody comes to. */
export type PointerMessage =
  | { type: 'at'; x: number; y: number }
  | { type: 'gone' }
  | { type: 'digest'; digest: string }

const parseList = <T>(
  value: unknown,
  most: number,
  parse: (it: unknown) => T | undefined,
): T[] | undefined =>
  Array.isArray(value) && value.length <= most ? value.map(parse).filter(it => it !== undefined) : undefined

const asId = (value: unknown): string | undefined => (isId(value) ? value : undefined)

/** What another client sent; undefined when it cannot be understood, or is more than a board takes. */
export const parseBoardMessage = (value: unknown): BoardMessage | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const message = value as Record<string, unknown>
  switch (message.type) {
    case 'draw': {
      const stroke = parseStroke(message.stroke)
      return stroke && { type: 'draw', stroke }
    }
    case 'extend': {
      const { id, from } = message
      const points = parsePoints(message.points)
      const isPlace = Number.isInteger(from) && (from as number) >= 0
      return points && isId(id) && isPlace ? { type: 'extend', id, from: from as number, points } : undefined
    }
    case 'remove': {
      const ids = parseList(message.ids, BOARD_LIMITS.strokes, asId)
      return ids && { type: 'remove', ids }
    }
    case 'ask':
      return isId(message.question) ? { type: 'ask', question: message.question } : undefined
    case 'board': {
      const { question } = message
      const strokes = parseList(message.strokes, BOARD_LIMITS.messageStrokes, parseStroke)
      const removed = parseList(message.removed, BOARD_LIMITS.strokes, asId)
      if (!strokes || !removed || (question !== null && !isId(question))) return undefined
      return { type: 'board', question, strokes, removed }
    }
    default:
      return undefined
  }
}

/** As above, of the lossy topic. */
export const parsePointerMessage = (value: unknown): PointerMessage | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const { type, x, y, digest } = value as Record<string, unknown>
  if (type === 'gone') return { type }
  if (type === 'digest') return isId(digest) ? { type, digest } : undefined
  const [at] = type === 'at' ? [parsePoints([x, y])] : []
  return at ? { type: 'at', x: at[0] as number, y: at[1] as number } : undefined
}

/** The whole board, in messages that are each small enough. */
export const boardInParts = (
  question: string | null,
  strokes: readonly Stroke[],
  removed: readonly string[],
): BoardMessage[] => {
  const parts: BoardMessage[] = []
  for (let n = 0; n < removed.length; n += BOARD_LIMITS.strokes) {
    parts.push({ type: 'board', question, strokes: [], removed: removed.slice(n, n + BOARD_LIMITS.strokes) })
  }
  let part: Stroke[] = []
  let points = 0
  for (const stroke of strokes) {
    const count = stroke.points.length / 2
    if (
      part.length === BOARD_LIMITS.messageStrokes ||
      (part.length > 0 && points + count > BOARD_LIMITS.messagePoints)
    ) {
      parts.push({ type: 'board', question, strokes: part, removed: [] })
      part = []
      points = 0
    }
    part.push(stroke)
    points += count
  }
  if (part.length > 0) parts.push({ type: 'board', question, strokes: part, removed: [] })
  return parts
}
