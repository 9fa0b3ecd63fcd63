import { expect, test } from 'vitest'
import { barsOf } from './waveform.ts'

test('as many bars as asked for, the loudest of what each stands for', () => {
  expect(barsOf([1, 5, 2, 8], 2)).toEqual([5, 8])
  expect(barsOf([1, 5], 4)).toEqual([1, 1, 5, 5])
  expect(barsOf([], 3)).toEqual([0, 0, 0])
})
