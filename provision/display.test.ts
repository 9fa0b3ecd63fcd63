import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Display } from './display.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function capture(isTTY: boolean) {
  const output = { text: '', isTTY, columns: 60, write: (text: string) => (output.text += text) }
  return output
}

test('without a terminal, a long step is spoken of now and then, and once at its end', async () => {
  const output = capture(false)
  const done = new Display(output).step('worker', async tell => {
    tell('1 of 9')
    await new Promise(resolve => setTimeout(resolve, 25_000))
  })
  await vi.advanceTimersByTimeAsync(25_000)
  await done
  expect(output.text).toBe('  · worker: 1 of 9 (10 s)\n  · worker: 1 of 9 (20 s)\n  ✓ worker  25 s\n')
})

test('on a terminal, one live line shows all steps and is cleared for those that end', async () => {
  const output = capture(true)
  const display = new Display(output)
  const wait = (ms: number) => () => new Promise<void>(resolve => setTimeout(resolve, ms))
  const done = Promise.all([display.step('a', wait(150)), display.step('b', wait(250))])
  await vi.advanceTimersByTimeAsync(300)
  await done
  const lines = output.text.split('\r\x1b[2K')
  expect(lines.some(line => line.includes('a (0 s) · b (0 s)'))).toBe(true)
  expect(output.text.endsWith('\r\x1b[2K  ✓ b  0 s\n')).toBe(true)
})

test('a step that fails is marked and its error passed on', async () => {
  const output = capture(false)
  const work = async () => {
    throw new Error('no space')
  }
  await expect(new Display(output).step('worker', work)).rejects.toThrow('no space')
  expect(output.text).toBe('  ✗ worker  0 s\n')
})
