import { expect, test } from 'vitest'
import { bitrateText, gradeOf, lineFigures, trackText } from './quality-words.ts'

const track = {
  source: 'camera' as const,
  bitrate: 1_440_000,
  loss: 0,
  jitterMs: 3,
  codec: 'VP8',
  size: { width: 1280, height: 720 },
  fps: 29.7,
  layer: undefined,
  frozen: false,
}

test('a score is bars and a word', () => {
  expect([5, 4.3, 4, 3, 2, 1].map(score => gradeOf(score).bars)).toEqual([4, 4, 3, 2, 1, 1])
  expect([5, 4, 3, 1].map(score => gradeOf(score).word)).toEqual(['good', 'fair', 'poor', 'bad'])
})

test('figures are said as people read them', () => {
  expect([900, 48_400, 1_440_000].map(bitrateText)).toEqual(['1 kbit/s', '48 kbit/s', '1.4 Mbit/s'])
  expect(trackText(track)).toBe('1280 × 720, 30 frames a second, VP8')
  expect(trackText({ ...track, size: undefined, fps: undefined, codec: undefined, layer: -1 })).toBe(
    'not sent: nobody watches',
  )
  const quality = { ...track, rttMs: undefined, score: 5, tracks: [track], loss: 0.004 }
  expect(lineFigures(quality)).toEqual([
    ['Bitrate', '1.4 Mbit/s'],
    ['Lost', '0.4 %'],
    ['Round trip', '–'],
    ['Jitter', '3 ms'],
  ])
})
