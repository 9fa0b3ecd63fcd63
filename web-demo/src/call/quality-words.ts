import type { Quality, TrackQuality } from '@trunkline/sdk'

const GRADES = [
  { from: 4.3, bars: 4, word: 'good' },
  { from: 3.5, bars: 3, word: 'fair' },
  { from: 2.5, bars: 2, word: 'poor' },
  { from: 0, bars: 1, word: 'bad' },
] as const

/** A score of 1 to 5 as bars, of four, and in a word. */
export const gradeOf = (score: number): { bars: number; word: string } =>
  GRADES.find(({ from }) => score >= from) ?? GRADES[3]

/** Such as `1.4 Mbit/s`. */
export const bitrateText = (bitrate: number): string =>
  bitrate >= 1_000_000
    ? `${(bitrate / 1_000_000).toFixed(1)} Mbit/s`
    : `${Math.round(bitrate / 1_000)} kbit/s`

const NAMES = { camera: 'Camera', mic: 'Microphone', screen: 'Screen', screenAudio: 'Screen sound' } as const

/** What one track is, in a line: `1280 × 720, 30 frames a second, VP8`. */
export const trackText = ({ size, fps, codec, layer }: TrackQuality): string =>
  [
    layer === -1 ? 'not sent: nobody watches' : undefined,
    size && `${size.width} × ${size.height}`,
    fps !== undefined && size ? `${Math.round(fps)} frames a second` : undefined,
    codec?.replace(/^opus$/i, 'Opus'),
  ]
    .filter(Boolean)
    .join(', ') || '–'

export const trackName = ({ source }: TrackQuality): string => NAMES[source]

/** The figures of the line, by their names. */
export const lineFigures = ({ rttMs, loss, jitterMs, bitrate }: Quality): [string, string][] => [
  ['Bitrate', bitrateText(bitrate)],
  ['Lost', `${(loss * 100).toFixed(loss > 0 && loss < 0.1 ? 1 : 0)} %`],
  ['Round trip', rttMs === undefined ? '–' : `${Math.round(rttMs)} ms`],
  ['Jitter', `${Math.round(jitterMs)} ms`],
]
