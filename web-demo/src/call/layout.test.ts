import { expect, test } from 'vitest'
import { type Box, gridBoxes, layoutStage, type Piece } from './layout.ts'

const person = (key: string, local = false): Piece => ({ key, screen: false, local })
const overlap = (a: Box, b: Box) =>
  a.x < b.x + b.width - 0.01 &&
  b.x < a.x + a.width - 0.01 &&
  a.y < b.y + b.height - 0.01 &&
  b.y < a.y + a.height - 0.01

test('a grid stays within its area, without overlap, with tiles of one size', () => {
  for (const [width, height] of [
    [1080, 720],
    [390, 640],
    [336, 500],
  ] as const) {
    for (let count = 1; count <= 30; count += 1) {
      const boxes = gridBoxes(count, { x: 0, y: 0, width, height })
      expect(boxes).toHaveLength(count)
      for (const box of boxes) {
        expect(box.x).toBeGreaterThanOrEqual(-0.01)
        expect(box.y).toBeGreaterThanOrEqual(-0.01)
        expect(box.x + box.width).toBeLessThanOrEqual(width + 0.01)
        expect(box.y + box.height).toBeLessThanOrEqual(height + 0.01)
        expect(box.width).toBe(boxes[0]?.width)
      }
      for (const [index, box] of boxes.entries())
        for (const next of boxes.slice(index + 1)) expect(overlap(box, next)).toBe(false)
    }
  }
})

test('four people on a desktop stand two by two', () => {
  const xs = gridBoxes(4, { x: 0, y: 0, width: 1080, height: 720 }).map(({ x }) => Math.round(x))
  expect(new Set(xs).size).toBe(2)
})

test('two people: the other fills the stage and oneself floats in a corner', () => {
  const placed = layoutStage([person('me', true), person('ann')], 1000, 700)
  expect(placed.get('ann')).toEqual({ x: 0, y: 0, width: 1000, height: 700, pip: false })
  const me = placed.get('me')
  expect(me?.pip).toBe(true)
  expect(me?.width).toBeLessThan(300)
})

test("somebody's screen is large and everybody else beside it", () => {
  const pieces = [person('me', true), person('ann'), { key: 'ann:screen', screen: true, local: false }]
  const placed = layoutStage(pieces, 1000, 700)
  const screen = placed.get('ann:screen') as Box
  expect(screen.width * screen.height).toBeGreaterThan(0.7 * 1000 * 700)
  for (const key of ['me', 'ann']) expect(overlap(screen, placed.get(key) as Box)).toBe(false)
})
