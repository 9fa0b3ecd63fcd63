import { type Arguments, audioInput, LONGEST_SECONDS, videoInput } from '../av/arguments.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import { BACKGROUND, type Box, CANVAS, EMPTY_TILE } from './layout.ts'
import type { Shot } from './timeline.ts'

// What ffmpeg is told to make a film of a recording; pure, as in ../av/arguments.ts.

const FRAME_RATE = 25
/** Of the film. */
export const FRAME_MS = 1_000 / FRAME_RATE

const h264 = (preset: string, crf: number): string[] => [
  ...['-c:v', 'libx264', '-preset', preset, '-crf', String(crf), '-pix_fmt', 'yuv420p'],
  ...['-bf', '0', '-threads', '2'],
]

/** As ffmpeg reads an option of a filter: https://ffmpeg.org/ffmpeg-filters.html#Notes-on-filtergraph-escaping */
export const escapeOption = (value: string): string =>
  value.replace(/[\\':]/g, '\\$&').replace(/[\\'[\],;]/g, '\\$&')

/**
 * Of a picture as it was sent, which changes its size whenever it likes, makes one of a steady size and rate that can be cut
 * anywhere. The time of its first frame is 0.
 * @param mimeType of the track
 * @param seconds of it
 * @param size the largest it is shown in: a film of many people has small pictures, and larger ones are work for nothing
 */
export const steadyArguments = (
  mimeType: string,
  seconds: number,
  { width, height }: Pick<Box, 'width' | 'height'>,
): Arguments => {
  // Of the frames in a superframe the largest alone is a picture; ffmpeg's own decoder would show each of them.
  const decoder = mimeType.toLowerCase() === 'video/vp9' ? ['-c:v', 'libvpx-vp9'] : []
  return {
    input: [...videoInput(LONGEST_SECONDS), ...decoder],
    output: [
      ...['-map', '0:v:0', '-an', '-sn', '-dn'],
      '-filter:v',
      [
        `scale=${width}:${height}:force_original_aspect_ratio=decrease:force_divisible_by=2`,
        `pad=${width}:${height}:-1:-1`,
        'setsar=1',
        // Each frame at the nearest moment; by itself ffmpeg shows them late.
        `fps=${FRAME_RATE}:start_time=0:round=near`,
      ].join(','),
      ...['-vsync', 'cfr', '-r', String(FRAME_RATE)],
      ...h264('ultrafast', 20),
      ...['-g', String(FRAME_RATE)],
      ...['-t', seconds.toFixed(3), '-fs', String(MEDIA_LIMITS.avLongBytes)],
    ],
  }
}

/** What a shot is made of: the steady files of its videos by their track, and files with the names of its tiles. */
export type ShotFiles = {
  steady: ReadonlyMap<number, string>
  /** By tile; none where names cannot be drawn. */
  names: readonly string[]
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(3)

const written = (file: string | undefined, height: number, where: 'corner' | 'middle'): string[] =>
  file === undefined ? [] : [drawName(file, height, where)]

/** Draws what is in a file, a name, into a tile of this height. */
export const drawName = (file: string, height: number, where: 'corner' | 'middle'): string => {
  const size = Math.max(12, Math.round(height / 16))
  const place =
    where === 'corner'
      ? `x=${size}:y=h-th-${size}:box=1:boxcolor=black@0.5:boxborderw=${Math.round(size / 3)}`
      : 'x=(w-tw)/2:y=(h-th)/2'
  return `drawtext=textfile=${escapeOption(file)}:expansion=none:fontcolor=white:fontsize=${size}:${place}`
}

/** A shot as a film of its own. The last input is the background, which is read for the length of it. */
export const shotArguments = (shot: Shot, files: ShotFiles): Arguments & { path: string } => {
  const length = seconds(shot.to - shot.from)
  const input: string[] = ['-nostdin', '-hide_banner', '-loglevel', 'error']
  const chains: string[] = []
  let inputs = 0
  shot.tiles.forEach(({ box, video }, n) => {
    const { width, height } = box
    const path = video && files.steady.get(video.note.track)
    if (video && path !== undefined) {
      // Half a frame before it, so that it is this frame for certain.
      const start = Math.max(0, shot.from - video.startMs - FRAME_MS / 2)
      input.push('-ss', seconds(start), '-i', path)
      const filters = [
        // It begins with the shot.
        'setpts=PTS-STARTPTS',
        `scale=${width}:${height}`,
        'setsar=1',
        ...written(files.names[n], height, 'corner'),
      ]
      chains.push(`[${inputs}:v]${filters.join(',')}[tile${n}]`)
      inputs++
    } else {
      const empty = `color=c=${EMPTY_TILE}:s=${width}x${height}:r=${FRAME_RATE}:d=${length}`
      chains.push(`${[empty, 'setsar=1', ...written(files.names[n], height, 'middle')].join(',')}[tile${n}]`)
    }
  })
  let below = `${inputs}:v`
  shot.tiles.forEach(({ box }, n) => {
    chains.push(`[${below}][tile${n}]overlay=x=${box.x}:y=${box.y}:eof_action=repeat[over${n}]`)
    below = `over${n}`
  })
  chains.push(`[${below}]format=yuv420p[film]`)
  return {
    input: [...input, '-f', 'lavfi'],
    path: `color=c=${BACKGROUND}:s=${CANVAS.width}x${CANVAS.height}:r=${FRAME_RATE}:d=${length}`,
    output: [
      ...['-filter_complex', chains.join(';'), '-map', '[film]'],
      ...['-r', String(FRAME_RATE), '-frames:v', String(Math.round((shot.to - shot.from) / FRAME_MS))],
      ...h264('veryfast', 23),
      ...['-fs', String(MEDIA_LIMITS.avLongBytes)],
    ],
  }
}

/**
 * All voices together, of so many files with so many in each. What is missing in between is silence, and its times are those
 * of the recording.
 */
export const mixArguments = (
  files: readonly { path: string; voices: number }[],
  durationMs: number,
): Arguments & { path: string } => {
  const input = files.slice(0, -1).flatMap(({ path }) => [...audioInput(LONGEST_SECONDS), '-i', path])
  const chains: string[] = []
  files.forEach(({ voices }, file) => {
    for (let n = 0; n < voices; n++) {
      // One lost packet of 20 ms is a gap. None ends before the others: amix of ffmpeg 5.1 loses the first one when another ends.
      chains.push(
        `[${file}:a:${n}]aresample=48000:async=1:min_hard_comp=0.015:first_pts=0,apad[v${chains.length}]`,
      )
    }
  })
  const mixed = chains.map((_, n) => `[v${n}]`).join('')
  return {
    input: [...input, ...audioInput(LONGEST_SECONDS)],
    path: files.at(-1)?.path ?? '',
    output: [
      '-filter_complex',
      [
        ...chains,
        // As loud as each was: what together is too loud is held back.
        `${mixed}amix=inputs=${chains.length}:duration=longest:normalize=0,alimiter=limit=0.95:level=0[sound]`,
      ].join(';'),
      ...['-map', '[sound]', '-t', seconds(durationMs)],
      ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-ar', '48000'],
      ...['-fs', String(MEDIA_LIMITS.avLongBytes)],
    ],
  }
}

/** What `-f concat` reads: https://ffmpeg.org/ffmpeg-formats.html#concat-1 */
export const concatList = (paths: readonly string[]): string =>
  paths.map(path => `file '${path.replaceAll("'", "'\\''")}'\n`).join('')

/** The shots one after another with the sound, as browsers play it before they have all of it. */
export const filmArguments = (list: string, sound: string | undefined): Arguments & { path: string } => ({
  input: [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error'],
    ...(sound === undefined ? [] : ['-i', sound]),
    ...['-f', 'concat', '-safe', '0'],
  ],
  path: list,
  output: [
    ...['-map', `${sound === undefined ? 0 : 1}:v`, ...(sound === undefined ? [] : ['-map', '0:a'])],
    ...['-c', 'copy', '-movflags', '+faststart', '-fs', String(MEDIA_LIMITS.avLongBytes)],
  ],
})
