import { expect, test } from 'vitest'
import { gridOf } from './grid.ts'

const lengths = (count: number) => gridOf(Array(count).fill(1)).map(({ cells }) => cells.length)

test('rows of three, with pairs above where that does not come out even', () => {
  expect(lengths(1)).toEqual([1])
  expect(lengths(2)).toEqual([2])
  expect(lengths(3)).toEqual([1, 2])
  expect(lengths(4)).toEqual([2, 2])
  expect(lengths(5)).toEqual([2, 3])
  expect(lengths(7)).toEqual([2, 2, 3])
  expect(lengths(15)).toEqual([3, 3, 3, 3, 3])
})

test('each is shown once, in order', () => {
  for (let count = 1; count <= 16; count += 1) {
    const shown = gridOf(Array(count).fill(1.5)).flatMap(({ cells }) => cells.map(({ index }) => index))
    expect(shown).toEqual(Array.from({ length: count }, (_, index) => index))
  }
})

test('a row is as wide as what stands in it; what is very wide or very high is cut', () => {
  expect(gridOf([1.5, 0.75])[0]?.aspect).toBeCloseTo(2.25)
  expect(gridOf([10])[0]?.aspect).toBe(2.4)
  expect(gridOf([0.1])[0]?.aspect).toBe(0.62)
  expect(gridOf([0.5, 1, 1])[0]?.aspect).toBe(1.3)
})
