import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Demand, topLayerOf } from './layers.ts'

test('the layers of a track are its encodings, or those of its mode', () => {
  const of = (encodings: object[]) => topLayerOf({ codecs: [], encodings })
  expect(of([{ rid: 'r0' }, { rid: 'r1' }, { rid: 'r2' }])).toBe(2)
  expect(
    of([
      { rid: 'r0', scalabilityMode: 'L1T3' },
      { rid: 'r1', scalabilityMode: 'L1T3' },
    ]),
  ).toBe(1)
  expect(of([{ scalabilityMode: 'L3T3_KEY' }])).toBe(2)
  expect(of([{ scalabilityMode: 'L1T3' }])).toBe(0)
  expect(of([{ ssrc: 1 }])).toBe(0)
  expect(topLayerOf({ codecs: [] })).toBe(0)
})

describe('what all viewers want together', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const start = (wanted: number[] = []) => {
    const viewers = wanted.map(wantedLayer => ({ wantedLayer }))
    const set = new Set(viewers)
    const told: number[] = []
    const demand = new Demand({ top: 2, viewers: set, tell: layer => told.push(layer) })
    const want = (index: number, layer: number) => {
      ;(viewers[index] as { wantedLayer: number }).wantedLayer = layer
      demand.look()
    }
    return { demand, told, want, set }
  }

  test('the highest counts, less is told after a second, more at once', () => {
    const { demand, told, want } = start([Number.POSITIVE_INFINITY, 0])
    demand.look()
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual([])
    want(0, 1)
    vi.advanceTimersByTime(999)
    expect(told).toEqual([])
    vi.advanceTimersByTime(1)
    expect(told).toEqual([1])
    want(1, 2)
    expect(told).toEqual([1, 2])
  })

  test('nobody is -1; who looks away for a moment does not stop an encoder', () => {
    const { demand, told, want, set } = start([0])
    want(0, -1)
    vi.advanceTimersByTime(900)
    want(0, 2)
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual([])
    set.clear()
    demand.look()
    vi.advanceTimersByTime(1_000)
    expect(told).toEqual([-1])
    expect(demand.told).toBe(-1)
    demand.repeat()
    expect(told).toEqual([-1, -1])
  })

  test('less is what is wanted when the second is over, not when it began', () => {
    const { told, want } = start([2])
    want(0, 0)
    vi.advanceTimersByTime(500)
    want(0, 1)
    vi.advanceTimersByTime(500)
    expect(told).toEqual([1])
  })
})
