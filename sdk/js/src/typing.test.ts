import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TypingSender, TypingSet } from './typing.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('many keys are told at most every three seconds, and the end once', () => {
  const sent: boolean[] = []
  const sender = new TypingSender(typing => sent.push(typing))
  for (let ms = 0; ms < 7_000; ms += 100) {
    sender.set(true)
    vi.advanceTimersByTime(100)
  }
  expect(sent).toEqual([true, true, true])
  sender.set(false)
  sender.set(false)
  expect(sent).toEqual([true, true, true, false])
})

test('whoever stops pressing keys stops typing', () => {
  const sent: boolean[] = []
  new TypingSender(typing => sent.push(typing)).set(true)
  vi.advanceTimersByTime(6_000)
  expect(sent).toEqual([true, false])
})

test('an indicator that is not renewed ends by itself', () => {
  const changed = vi.fn()
  const typing = new TypingSet(changed)
  typing.set('ann', true)
  vi.advanceTimersByTime(5_000)
  typing.set('ann', true)
  vi.advanceTimersByTime(5_000)
  expect(typing.userIds).toEqual(['ann'])
  vi.advanceTimersByTime(1_000)
  expect(typing.userIds).toEqual([])
  expect(changed).toHaveBeenCalledTimes(2)
})
