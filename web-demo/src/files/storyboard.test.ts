import { expect, test } from 'vitest'
import { frameAt } from './storyboard.ts'

test('frames lie row by row, and the last one stands for the rest', () => {
  const board = { columns: 3, rows: 2, frames: 5, width: 160, height: 90, everyMs: 1_000 }
  expect(frameAt(board, 0)).toEqual({ x: 0, y: 0 })
  expect(frameAt(board, 2_999)).toEqual({ x: 320, y: 0 })
  expect(frameAt(board, 3_000)).toEqual({ x: 0, y: 90 })
  expect(frameAt(board, 60_000)).toEqual({ x: 160, y: 90 })
})
