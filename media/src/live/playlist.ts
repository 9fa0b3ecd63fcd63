import { z } from 'zod'
import { SEGMENT_SECONDS } from './arguments.ts'

/** How many segments a playlist names: who is so far behind still finds what comes next. */
const NAMED = 6
/** How many that it does not name any more are still there, for who read it just before. */
const KEPT = 6

const Entry = z.object({ n: z.int(), seconds: z.number(), isBreak: z.boolean() })

/** Segments of a stream, the latest of them; what its playlist says. */
export const Window = z.object({
  entries: z.array(Entry),
  /** How many breaks there were before the first of these. */
  breaks: z.int(),
})
export type Window = z.infer<typeof Window>

/**
 * Another segment.
 * @param isBreak its time does not go on where that of the last one ended
 * @returns the window with it, and which segments nobody needs any more
 */
export const withSegment = (
  { entries, breaks }: Window,
  entry: z.infer<typeof Entry>,
): { window: Window; gone: number[] } => {
  const all = [...entries, entry]
  const left = all.slice(0, Math.max(0, all.length - NAMED - KEPT))
  return {
    window: {
      entries: all.slice(left.length),
      breaks: breaks + left.filter(({ isBreak }) => isBreak).length,
    },
    gone: left.map(({ n }) => n),
  }
}

/** https://www.rfc-editor.org/rfc/rfc8216 */
export const playlistText = ({ entries, breaks }: Window, isOver: boolean): string => {
  const named = entries.slice(-NAMED)
  const earlier = entries.slice(0, entries.length - named.length)
  const longest = Math.max(SEGMENT_SECONDS, ...named.map(({ seconds }) => Math.ceil(seconds - 0.01)))
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    `#EXT-X-TARGETDURATION:${longest}`,
    `#EXT-X-MEDIA-SEQUENCE:${named[0]?.n ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${breaks + earlier.filter(({ isBreak }) => isBreak).length}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...named.flatMap(({ n, seconds, isBreak }) => [
      ...(isBreak ? ['#EXT-X-DISCONTINUITY'] : []),
      `#EXTINF:${seconds.toFixed(3)},`,
      `${n}.ts`,
    ]),
    ...(isOver ? ['#EXT-X-ENDLIST'] : []),
    '',
  ].join('\n')
}
