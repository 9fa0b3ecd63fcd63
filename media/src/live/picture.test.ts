import { execFileSync } from 'node:child_process'
import { expect, it, onTestFinished } from 'vitest'
import { depacketizerOf } from '../recordings/depacketize.ts'
import { takePicture } from '../testing/takes.ts'
import { Picture } from './picture.ts'

const program = {
  path: execFileSync('which', ['ffmpeg']).toString().trim(),
  fence: 'bare',
  drawsText: false,
} as const
const SIZE = { width: 64, height: 36 }

it('after an hour without a frame an image is where it belongs, and the decoder was not told of the hour', {
  timeout: 120_000,
}, async () => {
  const take = await takePicture('0xc80000', 4, { size: '64x36' })
  const depacketizer = depacketizerOf(take.mimeType)
  const picture = new Picture(program, take.mimeType, SIZE)
  onTestFinished(() => picture.close())
  const HOUR = 3_600_000
  let sequence = 0
  const push = (ms: number, at: number) => {
    const { payloads } = take.frames[Math.round(ms / 40)] ?? { payloads: [] }
    payloads.forEach((payload, n) => {
      const packet = { payload, marker: n === payloads.length - 1, sequence: sequence++, timestamp: at }
      const frame = depacketizer?.push(packet, false)
      if (frame) picture.push(frame, at)
    })
  }
  for (let ms = 0; ms < 2_000; ms += 40) push(ms, 400 + ms)
  for (let ms = 2_000; ms < 4_000; ms += 40) push(ms, 400 + ms + HOUR)
  // White for 200 ms every two seconds: at 0.4 s, and at 2.4 s and an hour.
  const flash = (HOUR + 2_400) / 40
  await picture.reach(flash + 10, performance.now() + 60_000)
  const brightness = (frame: number) => picture.at(frame)?.data[18 * 64 + 40] ?? 0
  expect(brightness(30)).toBeLessThan(120)
  // It stands still all that time.
  expect(brightness(flash - 50)).toBeLessThan(120)
  expect(brightness(flash + 1)).toBeGreaterThan(200)
  expect(brightness(flash + 10)).toBeLessThan(120)
})
