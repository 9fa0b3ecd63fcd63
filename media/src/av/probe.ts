import { z } from 'zod'
import { MediaFault } from '../jobs/processor.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import {
  LONGEST_SECONDS,
  measureArguments,
  type PictureStream,
  probeArguments,
  type Size,
} from './arguments.ts'
import { type Ffmpeg, FfmpegFault, type RunLimits } from './ffmpeg.ts'

const Flag = z.int().optional()

/** What `probeArguments` asks for; ffprobe leaves out what it does not know. */
const Answer = z.object({
  format: z.object({ format_name: z.string(), duration: z.string().optional() }),
  streams: z.array(
    z.object({
      index: z.int(),
      codec_type: z.string().optional(),
      codec_name: z.string().optional(),
      codec_tag_string: z.string().optional(),
      profile: z.string().optional(),
      pix_fmt: z.string().optional(),
      level: z.number().optional(),
      width: z.int().optional(),
      height: z.int().optional(),
      sample_aspect_ratio: z.string().optional(),
      field_order: z.string().optional(),
      color_transfer: z.string().optional(),
      duration: z.string().optional(),
      channels: z.int().optional(),
      disposition: z.object({ attached_pic: Flag, default: Flag }).optional(),
      side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
    }),
  ),
})
type Stream = z.infer<typeof Answer>['streams'][number]

/** How brightness is written for screens brighter than most: https://en.wikipedia.org/wiki/High-dynamic-range_television */
const HDR = ['smpte2084', 'arib-std-b67']

export type VideoStream = PictureStream & {
  /** How long it is shown, where the file says it of this stream alone. */
  seconds: number | undefined
  codec: string
  profile: string | undefined
  pixelFormat: string | undefined
  /** Of H.264, times ten. */
  level: number | undefined
  /** Its pixels are not square, or its lines come in two fields. */
  isOdd: boolean
}

export type AudioStream = {
  index: number
  codec: string
  profile: string | undefined
  channels: number
}

export type Probed = {
  container: string
  /** As the file claims; measured where it says nothing, as recorders do, or more than is believed without looking. */
  seconds: number | undefined
  /** As it is seen: turned, with square pixels. */
  video: VideoStream | undefined
  audio: AudioStream | undefined
  /** The picture that comes with a piece of music. */
  cover: PictureStream | undefined
}

const within = (cpuSeconds: number, fileBytes: number): RunLimits => ({
  cpuSeconds,
  ms: Math.min(MEDIA_LIMITS.avClockMs, MEDIA_LIMITS.avClockFactor * cpuSeconds * 1_000),
  memoryBytes: MEDIA_LIMITS.avMemoryBytes,
  fileBytes,
})

/** For what looks at the head or the beginning of a file. */
export const SHORT = within(MEDIA_LIMITS.avCpuSeconds, MEDIA_LIMITS.avShortBytes)

/** For what goes through so many seconds, whatever they are. */
export const limitsFor = (seconds: number): RunLimits => {
  const cpuSeconds = Math.ceil(MEDIA_LIMITS.avCpuSeconds + MEDIA_LIMITS.avCpuSecondsPerSecond * seconds)
  return within(Math.min(cpuSeconds, MEDIA_LIMITS.avClockMs / 1_000), MEDIA_LIMITS.avLongBytes)
}

const secondsOf = (text: string | undefined): number | undefined => {
  const seconds = Number(text)
  return text !== undefined && seconds > 0 && seconds < LONGEST_SECONDS ? seconds : undefined
}

/** Width of a pixel by its height; nothing that nobody could mean. */
const pixelShape = (text: string | undefined): number => {
  const [width = 1, height = 1] = (text ?? '1:1').split(':').map(Number)
  const shape = width / height
  return shape >= 0.2 && shape <= 5 ? shape : 1
}

const seen = (stream: Stream): Size => {
  const turned = stream.side_data_list?.some(
    ({ rotation = 0 }) => Math.abs(Math.round(rotation / 90)) % 2 === 1,
  )
  const width = Math.max(1, Math.round((stream.width ?? 0) * pixelShape(stream.sample_aspect_ratio)))
  const height = stream.height ?? 0
  return turned ? { width: height, height: width } : { width, height }
}

const isPicture = (stream: Stream): boolean =>
  stream.codec_type === 'video' && (stream.width ?? 0) > 0 && (stream.height ?? 0) > 0

const isCover = (stream: Stream): boolean => stream.disposition?.attached_pic === 1

/** The one a player would choose: the default, else the first. */
const chosen = (streams: Stream[]): Stream | undefined =>
  streams.find(({ disposition }) => disposition?.default === 1) ?? streams[0]

/**
 * Reads what ffprobe answered.
 * @throws MediaFault when nobody could look at or listen to the file
 */
export const readProbe = (answer: unknown): Probed => {
  const { format, streams } = Answer.parse(answer)
  if (streams.some(({ codec_tag_string: tag }) => tag === 'encv' || tag === 'enca' || tag === 'drms')) {
    throw new MediaFault('This file is copy-protected and cannot be played here.')
  }
  const known = streams.filter(({ codec_name: codec }) => codec !== undefined && codec !== 'unknown')
  const video = chosen(known.filter(stream => isPicture(stream) && !isCover(stream)))
  const audio = chosen(known.filter(({ codec_type: type, channels = 0 }) => type === 'audio' && channels > 0))
  const cover = known.find(stream => isPicture(stream) && isCover(stream))
  if (video && (video.width ?? 0) * (video.height ?? 0) > MEDIA_LIMITS.videoPixels) {
    throw new MediaFault(`The picture of this video is too large: ${video.width} × ${video.height} pixels.`)
  }
  return {
    container: format.format_name,
    seconds: secondsOf(format.duration) ?? secondsOf(video?.duration) ?? secondsOf(audio?.duration),
    video: video && {
      index: video.index,
      seconds: secondsOf(video.duration),
      codec: video.codec_name ?? '',
      profile: video.profile,
      pixelFormat: video.pix_fmt,
      level: video.level,
      isOdd:
        pixelShape(video.sample_aspect_ratio) !== 1 ||
        !['progressive', 'unknown', undefined].includes(video.field_order),
      toneMap: /^(yuv4|p01)\d*p?10/.test(video.pix_fmt ?? '')
        ? HDR.find(name => name === video.color_transfer)
        : undefined,
      ...seen(video),
    },
    audio: audio && {
      index: audio.index,
      codec: audio.codec_name ?? '',
      profile: audio.profile,
      channels: audio.channels ?? 0,
    },
    cover: cover && { index: cover.index, ...seen(cover) },
  }
}

/** Goes through a file to see how long it is. */
const measure = async (
  ffmpeg: Ffmpeg,
  path: string,
  stream: number,
  signal: AbortSignal,
): Promise<number> => {
  const { input, output } = measureArguments(stream)
  let seconds = 0
  await ffmpeg.run({
    input,
    path,
    outputs: [{ options: output, target: '-' }],
    limits: SHORT,
    signal,
    progress(done) {
      seconds = done
    },
  })
  return seconds
}

/**
 * Asks what a file holds.
 * @throws MediaFault when it is none that is read, is damaged, or holds neither pictures nor sound
 */
export const probe = async (ffmpeg: Ffmpeg, path: string, signal: AbortSignal): Promise<Probed> => {
  try {
    const probed = readProbe(await ffmpeg.probe(probeArguments(path), SHORT, signal))
    const stream = probed.video ?? probed.audio
    if (!stream) throw new MediaFault('There is neither a picture nor sound in this file.')
    if (probed.seconds !== undefined && probed.seconds <= MEDIA_LIMITS.videoSeconds) return probed
    return { ...probed, seconds: (await measure(ffmpeg, path, stream.index, signal)) || undefined }
  } catch (error) {
    throw error instanceof FfmpegFault
      ? new MediaFault('This file is damaged, or of a kind that cannot be played here.', { cause: error })
      : error
  }
}
