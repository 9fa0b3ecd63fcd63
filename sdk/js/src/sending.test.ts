import { expect, test } from 'vitest'
import { limited } from './sending.ts'

const simulcast = ['r0', 'r1', 'r2'].map(rid => ({ rid, active: true }))

test('of several sizes those above what is wanted are switched off, all of them when nobody watches', () => {
  const active = (max: number) => limited(simulcast, simulcast, max).map(it => it.active)
  expect([2, 1, 0, -1].map(active)).toEqual([
    [true, true, true],
    [true, true, false],
    [true, false, false],
    [false, false, false],
  ])
})

test('of the layers of one stream the large ones go, and the small ones keep their size', () => {
  const agreed = [{ scalabilityMode: 'L3T3_KEY', maxBitrate: 900_000 }]
  const at = (max: number) => limited([{ active: true }], agreed, max)[0]
  expect(at(2)).toMatchObject({ scalabilityMode: 'L3T3_KEY', scaleResolutionDownBy: 1, maxBitrate: 900_000 })
  expect(at(1)).toMatchObject({ scalabilityMode: 'L2T3_KEY', scaleResolutionDownBy: 2, maxBitrate: 300_000 })
  expect(at(0)).toMatchObject({ scalabilityMode: 'L1T3', scaleResolutionDownBy: 4, maxBitrate: 100_000 })
  expect(at(-1)).toEqual({ active: false })
  expect(at(7)?.scalabilityMode).toBe('L3T3_KEY')
})

test('a single size without layers is on or off', () => {
  expect(limited([{ active: true }], [{}], -1)).toEqual([{ active: false }])
  expect(limited([{ active: false }], [{ maxBitrate: 5 }], 0)).toEqual([{ active: true }])
})
