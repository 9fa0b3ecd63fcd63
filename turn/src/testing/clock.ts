import { onTestFinished, vi } from 'vitest'

/** From here to the end of the test the server's time is what `pass` makes of it; packets travel as ever. */
export const fakeClock = (): void => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
}

/** Lets seconds go by. */
export const pass = (seconds: number): void => {
  vi.advanceTimersByTime(seconds * 1000)
}
