import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** What a film turns out to have in it, as ffprobe and ffmpeg say. */
export type Played = {
  seconds: number
  streams: { kind: string; codec: string; width?: number; height?: number }[]
}

/** @param path of a file, or its address */
export const probePlayed = async (path: string): Promise<Played> => {
  const entries = 'format=duration:stream=codec_type,codec_name,width,height'
  const { stdout } = await execute('ffprobe', ['-v', 'error', '-of', 'json', '-show_entries', entries, path])
  const { format, streams } = JSON.parse(stdout) as {
    format: { duration: string }
    streams: { codec_type: string; codec_name: string; width?: number; height?: number }[]
  }
  return {
    seconds: Number(format.duration),
    streams: streams.map(({ codec_type: kind, codec_name: codec, width, height }) => ({
      kind,
      codec,
      ...(width !== undefined && { width }),
      ...(height !== undefined && { height }),
    })),
  }
}

const raw = async (args: readonly string[]): Promise<Buffer> => {
  const { stdout } = await execute('ffmpeg', ['-nostdin', '-v', 'error', ...args, '-'], {
    encoding: 'buffer',
    maxBuffer: 2 ** 30,
  })
  return stdout
}

export type Pixels = {
  width: number
  height: number
  framesPerSecond: number
  at(frame: number, x: number, y: number): [number, number, number]
  frames: number
}

/** So many seconds of it: what is still live has no end. */
const first = (seconds: number | undefined): string[] =>
  seconds === undefined ? [] : ['-t', String(seconds)]

/** All pictures of a film, or of its first seconds, made small. */
export const readPixels = async (path: string, framesPerSecond = 25, seconds?: number): Promise<Pixels> => {
  const [width, height] = [160, 90]
  const bytes = await raw([
    ...[
      ...first(seconds),
      '-i',
      path,
      '-an',
      '-vf',
      `fps=${framesPerSecond},scale=${width}:${height}:flags=area`,
    ],
    ...['-f', 'rawvideo', '-pix_fmt', 'rgb24'],
  ])
  const size = width * height * 3
  return {
    width,
    height,
    framesPerSecond,
    frames: Math.floor(bytes.length / size),
    at: (frame, x, y) => {
      const start = frame * size + (Math.floor(y * height) * width + Math.floor(x * width)) * 3
      return [bytes[start] ?? 0, bytes[start + 1] ?? 0, bytes[start + 2] ?? 0]
    },
  }
}

const RATE = 16_000

/** The sound of a film, or of its first seconds, 16,000 samples a second. */
export const readSound = async (path: string, seconds?: number): Promise<Float32Array> => {
  const bytes = await raw([
    ...first(seconds),
    '-i',
    path,
    '-vn',
    '-ac',
    '1',
    '-ar',
    String(RATE),
    '-f',
    'f32le',
  ])
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

/** How much of a tone there is, from a second on, for so many seconds: 0 to 1 (the algorithm of Goertzel). */
export const toneIn = (sound: Float32Array, hertz: number, from: number, seconds: number): number => {
  const start = Math.round(from * RATE)
  const samples = sound.subarray(start, start + Math.round(seconds * RATE))
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / RATE)
  let [last, before] = [0, 0]
  for (const sample of samples) [last, before] = [sample + coefficient * last - before, last]
  const power = last ** 2 + before ** 2 - coefficient * last * before
  return (2 * Math.sqrt(Math.max(0, power))) / Math.max(1, samples.length)
}

/** All that is seen and heard in a film. */
export type Film = { pixels: Pixels; sound: Float32Array }
/** Somewhere in the picture, as parts of it. */
export type Spot = { x: number; y: number }

/** @param seconds of it; all, when left out */
export const playFilm = async (path: string, seconds?: number): Promise<Film> => {
  const [pixels, sound] = await Promise.all([readPixels(path, 25, seconds), readSound(path, seconds)])
  return { pixels, sound }
}

export const isWhite = (seen: readonly number[]): boolean => seen.every(value => value > 190)

/** When something there turned white, s. */
export const flashesIn = (
  { pixels }: Film,
  { x, y }: Spot,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): number[] => {
  const times: number[] = []
  const { framesPerSecond, frames } = pixels
  for (
    let frame = Math.ceil(from * framesPerSecond) + 1;
    frame < Math.min(frames, to * framesPerSecond);
    frame++
  )
    if (isWhite(pixels.at(frame, x, y)) && !isWhite(pixels.at(frame - 1, x, y)))
      times.push(frame / framesPerSecond)
  return times
}

const STEP_SECONDS = 0.0025
const WINDOW_SECONDS = 0.01

/** When a tone began that had not been heard for half a second, s. */
export const tonesIn = (
  { sound }: Film,
  hertz: number,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): number[] => {
  const times: number[] = []
  let heardAt = from - 0.4
  for (let at = from; at < Math.min(sound.length / RATE, to); at += STEP_SECONDS) {
    if (toneIn(sound, hertz, at, WINDOW_SECONDS) < 0.12) continue
    // The window looks ahead: by now a good part of it has the tone.
    if (at - heardAt > 0.5) times.push(at + WINDOW_SECONDS * 0.7)
    heardAt = at
  }
  return times
}
