import { expect, test } from 'vitest'
import { type BoardMessage, boardInParts, parseBoardMessage, parsePointerMessage } from './board-message.ts'
import { Drawing } from './drawing.ts'
import { BOARD_LIMITS } from './limits.ts'
import { compareStrokes, parseStroke, SPAN, type Stroke } from './stroke.ts'

const line = (id: string, at = 1, points: readonly number[] = [0, 0, 10, 10], by = 'ada'): Stroke => ({
  id,
  by,
  at,
  ink: 'red',
  width: 'thin',
  points,
})
/** As it arrives at the others. */
const sent = (message: BoardMessage): BoardMessage | undefined =>
  parseBoardMessage(JSON.parse(JSON.stringify(message)))

/** Numbers that are always the same for a seed (mulberry32). */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

test('messages arrive as they were sent', () => {
  const messages: BoardMessage[] = [
    { type: 'draw', stroke: line('a') },
    { type: 'extend', id: 'a', from: 4, points: [SPAN, 0] },
    { type: 'remove', ids: ['a', 'b'] },
    { type: 'ask', question: 'q' },
    { type: 'board', question: null, strokes: [line('a')], removed: ['b'] },
  ]
  for (const message of messages) expect(sent(message)).toEqual(message)
  expect(parsePointerMessage({ type: 'at', x: 0, y: SPAN })).toEqual({ type: 'at', x: 0, y: SPAN })
})

test('what is no message, or more than a board takes, is dropped', () => {
  const good = line('a')
  const bad: unknown[] = [
    null,
    7,
    'draw',
    [],
    {},
    { ...good, id: '' },
    { ...good, id: 'x'.repeat(BOARD_LIMITS.idChars + 1) },
    { ...good, by: { toString: 'no' } },
    { ...good, by: 'x'.repeat(BOARD_LIMITS.userIdChars + 1) },
    { ...good, at: -1 },
    { ...good, at: Number.MAX_SAFE_INTEGER },
    { ...good, at: 'first' },
    { ...good, ink: 'constructor' },
    { ...good, width: 'toString' },
    { ...good, points: [] },
    { ...good, points: [1] },
    { ...good, points: [1, 2.5] },
    { ...good, points: [1, SPAN + 1] },
    { ...good, points: [1, null] },
    { ...good, points: { length: 2, 0: 1, 1: 1 } },
    { ...good, points: Array(BOARD_LIMITS.strokePoints * 2 + 2).fill(1) },
  ]
  for (const stroke of bad) {
    expect(parseStroke(stroke), JSON.stringify(stroke)?.slice(0, 80)).toBeUndefined()
    expect(parseBoardMessage({ type: 'draw', stroke })).toBeUndefined()
    // One bad stroke does not cost the others.
    expect(
      parseBoardMessage({ type: 'board', question: null, strokes: [stroke, good], removed: [] }),
    ).toEqual({ type: 'board', question: null, strokes: [good], removed: [] })
  }
  for (const message of [
    null,
    'ask',
    { type: 'no' },
    { type: 'ask', question: 7 },
    { type: 'extend', id: 'a', from: -2, points: [1, 1] },
    { type: 'extend', id: 'a', from: 0.5, points: [1, 1] },
    { type: 'remove', ids: 'a' },
    { type: 'remove', ids: Array(BOARD_LIMITS.strokes + 1).fill('a') },
    {
      type: 'board',
      question: null,
      strokes: Array(BOARD_LIMITS.messageStrokes + 1).fill(good),
      removed: [],
    },
    { type: 'board', strokes: [], removed: [] },
  ]) {
    expect(parseBoardMessage(message)).toBeUndefined()
  }
  for (const message of [null, {}, { type: 'at', x: 1 }, { type: 'at', x: 1, y: -1 }, { type: 'digest' }]) {
    expect(parsePointerMessage(message)).toBeUndefined()
  }
})

test('the order of strokes is the same for everybody', () => {
  const strokes = [line('b', 2), line('a', 2), line('c', 1)]
  expect(strokes.toSorted(compareStrokes).map(({ id }) => id)).toEqual(['c', 'a', 'b'])
})

test('a stroke goes on where it is, not where something is missing, and nobody else lengthens it', () => {
  const drawing = new Drawing()
  drawing.put(line('a'))
  expect(drawing.extend('a', 4, [20, 20])).toBe(true)
  expect(drawing.extend('a', 4, [20, 20])).toBe(true)
  expect(drawing.get('a')?.points).toEqual([0, 0, 10, 10, 20, 20])
  expect(drawing.extend('a', 8, [30, 30])).toBe(false)
  expect(drawing.extend('unknown', 0, [1, 1])).toBe(false)
  expect(drawing.put(line('a', 1, Array(20).fill(7), 'mallory'))).toBe(false)
  expect(drawing.extend('a', 6, Array(BOARD_LIMITS.strokePoints * 2).fill(1))).toBe(false)
  expect(drawing.get('a')?.points).toHaveLength(6)
})

test("undo takes one's own last stroke, and what is gone does not come back", () => {
  const drawing = new Drawing()
  for (const stroke of [line('a', 1), line('b', 2), line('c', 3, [1, 1], 'ben')]) drawing.put(stroke)
  expect(drawing.lastOf('ada')?.id).toBe('b')
  drawing.remove(['b'])
  expect(drawing.lastOf('ada')?.id).toBe('a')
  expect(drawing.put(line('b', 2))).toBe(false)
  // It is on its way still, from whoever has not heard: nothing is missing.
  expect(drawing.extend('b', 40, [1, 1])).toBe(true)
  expect(drawing.strokes.map(({ id }) => id)).toEqual(['a', 'c'])
})

test('a board holds so much and no more, and has room again when it is cleared', () => {
  const drawing = new Drawing()
  for (let n = 0; n < BOARD_LIMITS.strokes + 5; n++) drawing.put(line(`s${n}`, n))
  expect(drawing.strokes).toHaveLength(BOARD_LIMITS.strokes)
  expect(drawing.isFull).toBe(true)
  drawing.remove(drawing.strokes.map(({ id }) => id))
  expect(drawing.isBlank).toBe(true)
  expect(drawing.isFull).toBe(false)

  const long = Array(BOARD_LIMITS.strokePoints * 2).fill(1)
  for (let n = 0; n < 100; n++) drawing.put(line(`l${n}`, n, long))
  const points = drawing.strokes.reduce((sum, stroke) => sum + stroke.points.length / 2, 0)
  expect(points).toBe(BOARD_LIMITS.boardPoints)
  for (let n = 0; n < 5; n++) drawing.remove(Array.from({ length: 1_000 }, (_, m) => `r${n}-${m}`))
  expect(drawing.removed).toHaveLength(BOARD_LIMITS.removed)
})

test('boards that heard the same, in any order and twice, are the same', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const next = random(seed)
  const messages: ((drawing: Drawing) => void)[] = []
  for (let n = 0; n < 60; n++) {
    const stroke = line(`s${n}`, Math.floor(next() * 20), [1, 1, 2, 2, 3, 3])
    // What came of it at first, and all of it.
    messages.push(drawing => drawing.put({ ...stroke, points: [1, 1] }))
    messages.push(drawing => drawing.put(stroke))
    if (next() < 0.3) messages.push(drawing => drawing.remove([stroke.id]))
  }
  const shuffled = () =>
    [...messages, ...messages.slice(0, 20)]
      .map(act => ({ act, key: next() }))
      .sort((a, b) => a.key - b.key)
      .map(({ act }) => act)
  const boards = Array.from({ length: 3 }, () => {
    const drawing = new Drawing()
    for (const act of shuffled()) act(drawing)
    return drawing
  })
  expect(new Set(boards.map(({ digest }) => digest)).size, `seed ${seed}`).toBe(1)
  for (const { strokes } of boards) expect(strokes, `seed ${seed}`).toEqual(boards[0]?.strokes)
})

test('a whole board travels in messages that are each small enough, and makes the same board', () => {
  const drawing = new Drawing()
  for (let n = 0; n < 900; n++) {
    const points = Array(n % 100 === 0 ? BOARD_LIMITS.strokePoints * 2 : 80).fill(SPAN)
    drawing.put({
      ...line(`stroke-number-${n}`, n, points, 'x'.repeat(BOARD_LIMITS.userIdChars)),
      ink: 'orange',
    })
  }
  drawing.remove(Array.from({ length: 2_500 }, (_, n) => `${n}`.padStart(BOARD_LIMITS.idChars, '0')))
  const parts = boardInParts('question', drawing.strokes, drawing.removed)
  const copy = new Drawing()
  for (const part of parts) {
    expect(JSON.stringify(part).length).toBeLessThan(64_000)
    const arrived = sent(part)
    if (arrived?.type !== 'board') throw new Error('a part of a board was not understood')
    copy.remove(arrived.removed)
    for (const stroke of arrived.strokes) copy.put(stroke)
  }
  expect(copy.digest).toBe(drawing.digest)
  expect(copy.removed).toEqual(drawing.removed)
})
