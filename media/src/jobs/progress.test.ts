import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { MEDIA_LIMITS } from '../limits.ts'
import { createProgress } from './progress.ts'

it('tells the first at once, then the latest of each while, and never goes back', async () => {
  const told: number[] = []
  const progress = createProgress(async fraction => {
    told.push(fraction)
  })
  for (const fraction of [0.1, 0.2, 0.15, 0.3, Number.NaN]) progress.report(fraction)
  await vi.waitFor(() => expect(told).toEqual([0.1, 0.3]), { timeout: 5_000 })
  progress.report(0.2)
  progress.report(7)
  await vi.waitFor(() => expect(told).toEqual([0.1, 0.3, 1]), { timeout: 5_000 })
  await progress.end()
})

it('tells one at a time, goes on after one that failed, and nothing after its end', async () => {
  let under = 0
  let most = 0
  const told: number[] = []
  const progress = createProgress(async fraction => {
    under++
    most = Math.max(most, under)
    await sleep(30)
    under--
    told.push(fraction)
    if (told.length === 1) throw new Error('signalling is away')
  })
  for (let fraction = 0.01; fraction < 0.5; fraction += 0.01) progress.report(fraction)
  await vi.waitFor(() => expect(told).toHaveLength(2), { timeout: 5_000 })
  progress.report(0.9)
  await progress.end()
  progress.report(0.95)
  const atEnd = told.length
  await sleep(MEDIA_LIMITS.progressEveryMs + 100)
  expect(told).toHaveLength(atEnd)
  expect(under).toBe(0)
  expect(most).toBe(1)
})
