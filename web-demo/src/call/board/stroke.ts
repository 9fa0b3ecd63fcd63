import { BOARD_LIMITS } from './limits.ts'

/** Names travel; which colour that is depends on whether the board is light or dark. */
export const INKS = ['black', 'red', 'blue', 'green', 'orange', 'eraser'] as const
export type Ink = (typeof INKS)[number]

/** In shares of the board's width. */
export const WIDTHS = { thin: 0.004, thick: 0.012 } as const
export type Width = keyof typeof WIDTHS

/** An eraser is broader than a pen of the same name. */
export const ERASER_TIMES = 4

/** Coordinates are whole numbers from 0 to this, from the left and the top edge, whatever size the board is shown in. */
export const SPAN = 9_999

/** The board's shape, width to height: the same for everybody, so that a circle stays one. */
export const BOARD_ASPECT = 4 / 3

/** A line somebody drew, or still draws. */
export type Stroke = {
  id: string
  /** The user who draws it. */
  by: string
  /** Its place in the order in which strokes lie upon each other; of two with the same the id decides. */
  at: number
  ink: Ink
  width: Width
  /** x, y, x, y and so on. */
  points: readonly number[]
}

/** Which of two strokes lies below. */
export const compareStrokes = (a: Stroke, b: Stroke): number =>
  a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= BOARD_LIMITS.idChars

const isOneOf = <T extends string>(list: readonly T[], value: unknown): value is T =>
  list.includes(value as T)

const isWithin = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most

/** Coordinates from another client; undefined when they are none, or too many. */
export const parsePoints = (value: unknown): number[] | undefined => {
  if (!Array.isArray(value) || value.length === 0 || value.length % 2 !== 0) return undefined
  if (value.length > BOARD_LIMITS.strokePoints * 2) return undefined
  return value.every(it => isWithin(it, SPAN)) ? value : undefined
}

/** A stroke from another client; undefined when it is none. */
export const parseStroke = (value: unknown): Stroke | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, by, at, ink, width, points } = value as Record<keyof Stroke, unknown>
  const parsed = parsePoints(points)
  if (!parsed || !isId(id) || !isWithin(at, BOARD_LIMITS.at)) return undefined
  if (typeof by !== 'string' || by.length > BOARD_LIMITS.userIdChars) return undefined
  if (!isOneOf(INKS, ink) || !isOneOf(Object.keys(WIDTHS) as Width[], width)) return undefined
  return { id, by, at, ink, width, points: parsed }
}
