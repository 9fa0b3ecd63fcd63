import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Unreadable } from './unreadable.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const start = () => {
  const paused: boolean[] = []
  const unreadable = new Unreadable((_, is) => paused.push(is))
  return { unreadable, paused, take: () => paused.splice(0) }
}

test('what cannot be read is paused, tried now and then, and flows again once it can be read', () => {
  const { unreadable, take } = start()
  unreadable.learn('par_1', 'wrongKey')
  expect(take()).toEqual([true])
  vi.advanceTimersByTime(10_000)
  expect(take()).toEqual([false])
  vi.advanceTimersByTime(2_000)
  expect(take()).toEqual([true])
  vi.advanceTimersByTime(10_000)
  unreadable.learn('par_1', 'readable')
  expect(take()).toEqual([false, false])
  vi.advanceTimersByTime(60_000)
  expect(take()).toEqual([])
})

test('another key is tried at once, and who left or is in no call any more not at all', () => {
  const { unreadable, take } = start()
  for (const id of ['par_1', 'par_2']) unreadable.learn(id, 'noKey')
  take()
  unreadable.forget('par_2')
  unreadable.tryAll()
  expect(take()).toEqual([false])
  unreadable.close()
  vi.advanceTimersByTime(60_000)
  expect(take()).toEqual([])
})
