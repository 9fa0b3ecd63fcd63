import { expect, test } from 'vitest'
import { cropped, enlarged, filling, MIDDLE, squareOf } from './crop.ts'

const wide = { width: 400, height: 200 }

test('a picture fills the window and is cut to the square that is seen', () => {
  expect(filling(wide, 100)).toEqual({ width: 200, height: 100 })
  expect(squareOf(MIDDLE, wide, 100)).toEqual({ x: 100, y: 0, side: 200 })
  const left = cropped({ scale: 1, x: 1_000, y: 1_000 }, wide, 100)
  expect(left).toEqual({ scale: 1, x: 50, y: 0 })
  expect(squareOf(left, wide, 100)).toEqual({ x: 0, y: 0, side: 200 })
})

test('closer, it is still filled, and what was in the middle stays there', () => {
  const close = enlarged({ scale: 1, x: 50, y: 0 }, 2, wide, 100)
  expect(close).toEqual({ scale: 2, x: 100, y: 0 })
  expect(squareOf(close, wide, 100)).toEqual({ x: 50, y: 50, side: 100 })
  expect(enlarged(close, 0.1, wide, 100)).toEqual({ scale: 1, x: 50, y: 0 })
  expect(enlarged(MIDDLE, 99, wide, 100).scale).toBe(5)
})
