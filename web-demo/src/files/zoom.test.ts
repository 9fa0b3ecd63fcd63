import { expect, test } from 'vitest'
import { movedBy, WHOLE, zoomedAt } from './zoom.ts'

const size = { width: 400, height: 200 }

test('the point under the pointer stays', () => {
  const point = { x: 50, y: -20 }
  const { scale, x, y } = zoomedAt(WHOLE, 2, point, size)
  expect(scale).toBe(2)
  // What was at the point is at twice its distance from the middle, moved by as much.
  expect(point.x * 2 + x).toBe(point.x)
  expect(point.y * 2 + y).toBe(point.y)
})

test('never smaller than whole, never larger than makes sense, and whole again in its place', () => {
  expect(zoomedAt(WHOLE, 0.1, { x: 9, y: 9 }, size)).toEqual(WHOLE)
  expect(zoomedAt(WHOLE, 1_000, { x: 0, y: 0 }, size).scale).toBe(8)
  const near = zoomedAt(WHOLE, 3, { x: 190, y: 90 }, size)
  expect(zoomedAt(near, 1 / 3, { x: -190, y: 0 }, size)).toEqual(WHOLE)
})

test('it is not moved out of sight', () => {
  const twice = zoomedAt(WHOLE, 2, { x: 0, y: 0 }, size)
  expect(movedBy(twice, 1_000, -1_000, size)).toEqual({ scale: 2, x: 200, y: -100 })
  expect(movedBy(WHOLE, 10, 10, size)).toEqual(WHOLE)
})
