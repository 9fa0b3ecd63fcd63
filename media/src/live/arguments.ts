import { audioInput, LONGEST_SECONDS, videoInput } from '../av/arguments.ts'
import { drawName } from '../recordings/arguments.ts'
import { BACKGROUND, type Box, CANVAS, EMPTY_TILE } from '../recordings/layout.ts'

// What ffmpeg is told while a call is shown live; pure, as in ../av/arguments.ts.

/** Of what is shown. */
export const FRAME_RATE = 25
export const FRAME_MS = 1_000 / FRAME_RATE
export const SAMPLE_RATE = 48_000
/** Samples of each of the two channels that go with a frame. */
export const FRAME_SAMPLES = SAMPLE_RATE / FRAME_RATE
/** A piece of the stream, which begins with a whole picture. */
export const SEGMENT_SECONDS = 2

/** What is read is there at once, and nothing more is waited for to know what it is. */
const AT_ONCE = ['-probesize', '5000', '-analyzeduration', '0', '-f', 'matroska']
/** Of what is said in words nothing has to be found out: reading ahead in one pipe would wait for the other for ever. */
const KNOWN = ['-thread_queue_size', '64', '-probesize', '32', '-analyzeduration', '0']
const RAW = ['-f', 'rawvideo', 'pipe:1']

/** A picture as it comes, at a steady rate in one size. The time of its first frame is 0. */
export const pictureArguments = (
  mimeType: string,
  { width, height }: Pick<Box, 'width' | 'height'>,
): string[] => {
  // Of the frames in a superframe the largest alone is a picture; ffmpeg's own decoder would show each of them.
  const decoder = mimeType.toLowerCase() === 'video/vp9' ? ['-c:v', 'libvpx-vp9'] : []
  const filters = [
    `scale=${width}:${height}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bilinear`,
    `pad=${width}:${height}:-1:-1`,
    'setsar=1',
    'format=yuv420p',
  ]
  return [
    ...[...videoInput(LONGEST_SECONDS), ...AT_ONCE, ...decoder, '-i', 'pipe:0'],
    ...['-an', '-filter:v', filters.join(','), '-vsync', 'cfr', '-r', String(FRAME_RATE), ...RAW],
  ]
}

/** A voice as it comes; what is missing in between is silence. */
export const voiceArguments = (): string[] => [
  ...[...audioInput(LONGEST_SECONDS), ...AT_ONCE, '-i', 'pipe:0'],
  ...['-af', `aresample=${SAMPLE_RATE}:async=1:min_hard_comp=0.03:first_pts=0`],
  ...['-ac', '2', '-f', 's16le', 'pipe:1'],
]

export type PlateTile = { box: Box; hasVideo: boolean; nameFile?: string | undefined }

/**
 * One picture of what stands still: the background, tiles without a picture, and names.
 * @param under what is under the names of tiles that have one: between two colours it shows how far one looks through
 */
export const plateArguments = (tiles: readonly PlateTile[], under: 'black' | 'white'): string[] => {
  const chains = [`color=c=${BACKGROUND}:s=${CANVAS.width}x${CANVAS.height}:r=1:d=1,format=yuv420p[over]`]
  let below = 'over'
  tiles.forEach(({ box, hasVideo, nameFile }, n) => {
    const { x, y, width, height } = box
    const name = nameFile === undefined ? [] : [drawName(nameFile, height, hasVideo ? 'corner' : 'middle')]
    const colour = `color=c=${hasVideo ? under : EMPTY_TILE}:s=${width}x${height}:r=1:d=1`
    chains.push(`${[colour, 'format=yuv420p', ...name].join(',')}[tile${n}]`)
    chains.push(`[${below}][tile${n}]overlay=x=${x}:y=${y}[over${n}]`)
    below = `over${n}`
  })
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error'],
    ...['-filter_complex', chains.join(';'), '-map', `[${below}]`],
    ...['-frames:v', '1', '-pix_fmt', 'yuv420p', ...RAW],
  ]
}

/**
 * Makes segments of pictures (pipe 3) and sound (pipe 4, samples as floats), as players and services take them, and says
 * of each on its output when it is there.
 * @param pattern path of a segment, with `%d` for its number
 */
export const encoderArguments = (pattern: string): string[] => {
  const frames = String(FRAME_RATE * SEGMENT_SECONDS)
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error'],
    ...[...KNOWN, '-f', 'rawvideo', '-pix_fmt', 'yuv420p'],
    ...['-s', `${CANVAS.width}x${CANVAS.height}`, '-r', String(FRAME_RATE), '-i', 'pipe:3'],
    ...[...KNOWN, '-f', 'f32le', '-ar', String(SAMPLE_RATE), '-ac', '2', '-i', 'pipe:4'],
    ...['-map', '0:v', '-map', '1:a'],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-profile:v', 'high'],
    ...['-b:v', '2500k', '-maxrate', '2500k', '-bufsize', '5000k', '-threads', '2'],
    ...['-g', frames, '-keyint_min', frames, '-sc_threshold', '0', '-bf', '0'],
    // What together is too loud is held back.
    ...['-af', 'alimiter=limit=0.95:level=0', '-c:a', 'aac', '-b:a', '128k', '-ac', '2'],
    ...['-muxdelay', '0', '-muxpreload', '0', '-f', 'segment', '-segment_format', 'mpegts'],
    ...['-segment_time', String(SEGMENT_SECONDS), '-segment_time_delta', '0.02'],
    ...['-segment_list', 'pipe:1', '-segment_list_type', 'csv', pattern],
  ]
}
