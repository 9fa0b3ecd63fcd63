import type { RoomEvent } from '@trunkline/protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { AppendListener } from './entry.ts'
import { LogWatch } from './log-watch.ts'

const startWatch = () => {
  vi.useFakeTimers()
  let append: AppendListener = () => undefined
  const watch = new LogWatch({
    onAppend: listener => {
      append = listener
      return () => undefined
    },
  })
  onTestFinished(() => {
    watch.close()
    vi.useRealTimers()
  })
  return { watch, append: () => append({} as RoomEvent) }
}

test('says at once that something was appended, and then what comes soon after it together', () => {
  const { watch, append } = startWatch()
  let looks = 0
  watch.onNews(() => looks++)
  vi.advanceTimersByTime(100)
  append()
  vi.advanceTimersByTime(1)
  expect(looks).toBe(1)
  for (let n = 0; n < 1_000; n++) append()
  vi.advanceTimersByTime(1)
  expect(looks).toBe(1)
  vi.advanceTimersByTime(20)
  expect(looks).toBe(2)
})

test('has everybody look now and then, for what other processes wrote, and nobody who ended it', () => {
  const { watch, append } = startWatch()
  const looks = { one: 0, two: 0 }
  const stop = watch.onNews(() => looks.one++)
  watch.onNews(() => looks.two++)
  vi.advanceTimersByTime(1_000)
  expect(looks).toEqual({ one: 5, two: 5 })
  stop()
  vi.advanceTimersByTime(1_000)
  expect(looks).toEqual({ one: 5, two: 10 })
  watch.close()
  append()
  vi.advanceTimersByTime(1_000)
  expect(looks).toEqual({ one: 5, two: 10 })
})
