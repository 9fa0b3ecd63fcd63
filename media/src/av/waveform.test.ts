import { once } from 'node:events'
import { expect, it } from 'vitest'
import { Waveform } from './waveform.ts'

const listen = async (samples: Int16Array, pieces = 1_000): Promise<Waveform> => {
  const waveform = new Waveform()
  const bytes = Buffer.from(samples.buffer)
  for (let at = 0; at < bytes.length; at += pieces) waveform.write(bytes.subarray(at, at + pieces))
  waveform.end()
  await once(waveform, 'finish')
  return waveform
}

const tone = (samples: number, level: (at: number) => number): Int16Array =>
  Int16Array.from({ length: samples }, (_, at) => Math.round(Math.sin(at / 3) * 32_767 * level(at)))

it('grows as what is heard does, whatever pieces it comes in', async () => {
  const samples = tone(80_000, at => at / 80_000)
  const whole = await listen(samples)
  expect(whole.samples).toBe(80_000)
  const peaks = whole.peaks(10)
  expect(peaks).toEqual([...peaks].sort((a, b) => a - b))
  expect(peaks.at(-1)).toBe(100)
  expect(peaks[0]).toBeLessThan(10)
  for (const pieces of [1, 3, 7_777]) expect((await listen(samples, pieces)).peaks(10)).toEqual(peaks)
})

it('has at most one step for a tenth of a second, and counts what is left over', async () => {
  const short = await listen(tone(1_700, () => 0.5))
  expect(short.peaks(100)).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)])
  expect((await listen(tone(1, () => 1))).peaks(100)).toHaveLength(1)
})

it('is flat for silence, and empty for nothing', async () => {
  expect((await listen(tone(8_000, () => 0.0005))).peaks(4)).toEqual([0, 0, 0, 0])
  const nothing = await listen(new Int16Array(0))
  expect([nothing.samples, nothing.peaks(100)]).toEqual([0, []])
})
