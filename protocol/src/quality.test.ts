import { expect, test } from 'vitest'
import { qualityScore } from './quality.ts'

test('a perfect line is 5, and each fault takes from it', () => {
  expect(qualityScore({ loss: 0, jitterMs: 0, rttMs: 1 })).toBe(5)
  expect(qualityScore({ loss: 0.02, jitterMs: 5, rttMs: 40 })).toBeGreaterThan(4)
  expect(qualityScore({ loss: 0.1, jitterMs: 20, rttMs: 80 })).toBeLessThan(4)
  expect(qualityScore({ loss: 0.25, jitterMs: 60, rttMs: 400 })).toBeLessThan(2)
  expect(qualityScore({ loss: 1, jitterMs: 500, rttMs: 3_000 })).toBe(1)
})

test('more loss, jitter or delay never makes it better', () => {
  for (const [what, steps] of [
    ['loss', [0, 0.01, 0.05, 0.1, 0.3, 1]],
    ['jitterMs', [0, 5, 20, 80, 300]],
    ['rttMs', [0, 40, 150, 320, 700]],
  ] as const) {
    const scores = steps.map(step => qualityScore({ loss: 0, jitterMs: 0, rttMs: 0, [what]: step }))
    expect(scores, what).toEqual([...scores].sort((a, b) => b - a))
  }
})
