import { expect, it } from 'vitest'
import { playlistText, type Window, withSegment } from './playlist.ts'

const windowOf = (count: number, breaks: readonly number[] = []): { window: Window; gone: number[] } => {
  let window: Window = { entries: [], breaks: 0 }
  const gone: number[] = []
  for (let n = 0; n < count; n++) {
    const next = withSegment(window, { n, seconds: 2, isBreak: breaks.includes(n) })
    window = next.window
    gone.push(...next.gone)
  }
  return { window, gone }
}

it('a playlist names the latest segments, and those before are kept for a while', () => {
  const { window, gone } = windowOf(20)
  expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  const text = playlistText(window, false)
  expect(text.match(/^\d+\.ts$/gm)).toEqual(['14.ts', '15.ts', '16.ts', '17.ts', '18.ts', '19.ts'])
  expect(text).toContain('#EXT-X-MEDIA-SEQUENCE:14\n')
  expect(text).toContain('#EXT-X-TARGETDURATION:2\n')
  expect(text).not.toContain('ENDLIST')
  expect(playlistText(window, true)).toMatch(/19\.ts\n#EXT-X-ENDLIST\n$/)
})

it('breaks are counted on when nobody can read of them any more', () => {
  const { window } = windowOf(20, [3, 10, 17])
  const text = playlistText(window, false)
  expect(text).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:2\n')
  expect(text).toContain('#EXT-X-DISCONTINUITY\n#EXTINF:2.000,\n17.ts\n')
  expect(text.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1)
})
