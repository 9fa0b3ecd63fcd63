import { expect, test } from 'vitest'
import { levelOf } from './audio-level.ts'
import { cameraEncodings, layerForHeight } from './encodings.ts'

test('a tile gets the layer it can show', () => {
  expect([90, 200, 300, 420, 500, 1080].map(layerForHeight)).toEqual([0, 0, 1, 1, 2, 2])
})

test('levels go from silence to very loud', () => {
  expect(levelOf(0)).toBe(0)
  expect(levelOf(1e-7)).toBe(0)
  expect(levelOf(1e-3)).toBeCloseTo(0.6)
  expect(levelOf(1)).toBe(1)
})

test('a camera is sent in as many sizes as its pixels allow, the largest always among them', () => {
  for (const [height, scales] of [
    [720, [4, 2, 1]],
    [undefined, [4, 2, 1]],
    [360, [2, 1]],
    [180, [1]],
  ] as const) {
    expect(cameraEncodings(height).map(it => it.scaleResolutionDownBy)).toEqual(scales)
  }
})
