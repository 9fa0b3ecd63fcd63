import type { Storyboard } from '@trunkline/protocol'
import { MEDIA_LIMITS } from '../limits.ts'

// What ffmpeg is told, in words of its own: https://ffmpeg.org/ffmpeg.html. Pure, so that what keeps a file nobody trusts
// from doing harm can be tested without running anything.

export type Size = { width: number; height: number }

/** What ffmpeg is asked to do: options before the file that is read, and those of each file that is written. */
export type Arguments = { input: string[]; output: string[] }

/**
 * Containers that are read. What is left out matters most: a playlist (HLS, DASH, concat) named .mp4 would make ffmpeg read
 * other files and addresses, and AVI may carry one as its subtitles.
 */
const CONTAINERS = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,mp3,wav,aac,flac'

/**
 * Decoders that phones, browsers and recorders need; ffmpeg has 500, many of them older than fuzzing. Subtitles are never
 * mapped, but a file with a stream whose decoder is not on the list is refused as a whole.
 */
const DECODERS = [
  ...['h264', 'hevc', 'vp8', 'libvpx', 'vp9', 'libvpx-vp9', 'av1', 'libdav1d', 'libaom-av1'],
  ...[
    'mpeg4',
    'mpeg2video',
    'mpeg1video',
    'h263',
    'prores',
    'dvvideo',
    'theora',
    'mjpeg',
    'png',
    'bmp',
    'gif',
    'webp',
  ],
  ...[
    'aac',
    'aac_latm',
    'mp3float',
    'mp3',
    'mp2float',
    'mp2',
    'opus',
    'libopus',
    'vorbis',
    'flac',
    'alac',
    'ac3',
  ],
  ...['eac3', 'dca', 'amrnb', 'amrwb', 'libopencore_amrnb', 'libopencore_amrwb', 'libspeex'],
  ...['pcm_u8', 'pcm_s8', 'pcm_s16le', 'pcm_s16be', 'pcm_s24le', 'pcm_s24be', 'pcm_s32le', 'pcm_s32be'],
  ...[
    'pcm_f32le',
    'pcm_f32be',
    'pcm_f64le',
    'pcm_mulaw',
    'pcm_alaw',
    'adpcm_ms',
    'adpcm_ima_wav',
    'adpcm_ima_qt',
  ],
  ...['srt', 'subrip', 'mov_text', 'text', 'webvtt', 'ass', 'ssa', 'dvdsub', 'dvbsub', 'pgssub', 'cc_dec'],
].join(',')

/** What holds for whatever reads a file nobody trusts. */
const UNTRUSTED = [
  ...['-hide_banner', '-loglevel', 'error'],
  ...['-protocol_whitelist', 'file,pipe'],
  ...['-format_whitelist', CONTAINERS],
  ...['-codec_whitelist', DECODERS],
  ...['-max_streams', String(MEDIA_LIMITS.avStreams)],
]

/** A year is more than anybody recorded. */
export const LONGEST_SECONDS = 366 * 24 * 3_600

/**
 * @param seconds of the file that are read at most
 * @param decoding options of the decoders
 */
const inputArguments = (seconds: number, decoding: readonly string[] = []): string[] => [
  '-nostdin',
  ...UNTRUSTED,
  ...['-max_pixels', String(MEDIA_LIMITS.videoPixels)],
  ...['-threads', '1'],
  ...decoding,
  ...['-t', String(seconds)],
]

/** One stream and nothing that came with it: no titles, no place where it was recorded, no chapters. */
const only = (stream: number): string[] => [
  ...['-map', `0:${stream}`],
  ...['-map_metadata', '-1', '-map_chapters', '-1'],
]

const ENTRIES = [
  'format=format_name,duration',
  [
    'stream=index,codec_type,codec_name,codec_tag_string,profile,pix_fmt,level,width,height',
    'sample_aspect_ratio,field_order,color_transfer,duration,channels',
  ].join(','),
  'stream_disposition=attached_pic,default',
  'stream_side_data=rotation',
].join(':')

/** Of ffprobe, for what `readProbe` reads. */
export const probeArguments = (path: string): string[] => [
  ...UNTRUSTED,
  ...['-print_format', 'json=compact=1'],
  ...['-show_entries', ENTRIES],
  path,
]

/** Downwards, but not for what division loses. */
const even = (value: number): number => Math.max(2, 2 * Math.floor((value + 0.01) / 2))

/**
 * The size of a picture made small enough, with the same shape, in even numbers as H.264 has it.
 * @param lines of the shorter side at most: of a video held upright its width
 */
export const sizeWithin = ({ width, height }: Size, lines: number): Size => {
  const scale = Math.min(1, lines / Math.min(width, height), (lines * 16) / 9 / Math.max(width, height))
  return { width: even(width * scale), height: even(height * scale) }
}

/** A picture whose longest side is at most so many pixels. */
export const sizeInside = ({ width, height }: Size, side: number): Size => {
  const scale = Math.min(1, side / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** Turned as it is seen by ffmpeg itself, with square pixels. */
const scaled = ({ width, height }: Size): string => `scale=${width}:${height},setsar=1`

/**
 * Colours for screens as most are, from those for brighter ones; it is costly, so it comes after the picture was made small.
 * https://ffmpeg.org/ffmpeg-filters.html#tonemap-1
 */
const toned = (transfer: string): string =>
  [
    `zscale=tin=${transfer}:min=bt2020nc:pin=bt2020:t=linear:npl=203`,
    'format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:r=tv,format=yuv420p',
  ].join(',')

/** One frame, as PNG. */
const STILL = ['-an', '-sn', '-dn', '-filter_threads', '1', '-threads', '1', '-frames:v', '1', '-update', '1']

/** A stream of pictures, as they are seen. */
export type PictureStream = Size & {
  /** In the file, from 0. */
  index: number
  /** How its brightness is written, when it is to be brought down to that of most screens. */
  toneMap?: string | undefined
}

/** Made small first: what follows keeps all the frames it compares in memory. */
const small = (stream: PictureStream): string => {
  const { toneMap } = stream
  return [scaled(sizeInside(stream, MEDIA_LIMITS.previewPixels)), ...(toneMap ? [toned(toneMap)] : [])].join(
    ',',
  )
}

const still = (stream: PictureStream, filter: string): Arguments => ({
  input: inputArguments(MEDIA_LIMITS.posterSeconds),
  output: [
    ...only(stream.index),
    ...['-filter:v', filter],
    ...STILL,
    ...['-fs', String(MEDIA_LIMITS.avShortBytes)],
  ],
})

/** A frame of a video's beginning: of several the one most like the others, so that it is not the black before it. */
export const posterArguments = (stream: PictureStream): Arguments =>
  still(stream, `fps=6:eof_action=pass,${small(stream)},thumbnail=18`)

/** The picture that comes with a piece of music. */
export const coverArguments = (stream: PictureStream): Arguments => still(stream, small(stream))

export type VideoTarget = {
  stream: number
  /** Taken over as it is when left out. */
  encode?: Size & { lines: number; threads: number; toneMap?: string | undefined }
  audio?: { stream: number; isCopied: boolean }
}

/** Of ffmpeg, to go through a stream without decoding it, for its length. */
export const measureArguments = (stream: number): Arguments => ({
  input: inputArguments(LONGEST_SECONDS),
  output: [...only(stream), '-c', 'copy', '-f', 'null'],
})

/** A quality that is steady to look at, within what a phone takes in. https://trac.ffmpeg.org/wiki/Encode/H.264 */
const encoding = ({
  width,
  height,
  lines,
  threads,
  toneMap,
}: NonNullable<VideoTarget['encode']>): string[] => {
  const kilobits = lines > 480 ? 6_000 : 1_200
  return [
    ...[
      '-filter:v',
      `${scaled({ width, height })},${toneMap ? toned(toneMap) : 'format=yuv420p'}`,
      '-filter_threads',
      '1',
    ],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'high', '-threads', String(threads)],
    ...['-crf', lines > 480 ? '23' : '25', '-maxrate', `${kilobits}k`, '-bufsize', `${2 * kilobits}k`],
    // A frame that stands alone every two seconds, for quick scrubbing.
    ...['-force_key_frames', 'expr:gte(t,n_forced*2)'],
    ...['-fpsmax', String(MEDIA_LIMITS.videoFrameRate)],
    ...['-frames:v', String(MEDIA_LIMITS.videoFrameRate * MEDIA_LIMITS.videoSeconds)],
  ]
}

const AAC = ['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-ar', '48000']

/** What reads a video for conversion; what is written, `videoOutput` says of each. */
export const videoInput = (seconds: number): string[] => inputArguments(seconds)

/** An MP4 that browsers play before they have all of it. */
export const videoOutput = (target: VideoTarget): string[] => [
  ...only(target.stream),
  ...(target.audio ? ['-map', `0:${target.audio.stream}`] : ['-an']),
  ...['-sn', '-dn'],
  ...(target.encode ? encoding(target.encode) : ['-c:v', 'copy']),
  ...(target.audio ? (target.audio.isCopied ? ['-c:a', 'copy'] : AAC) : []),
  ...['-movflags', '+faststart', '-max_muxing_queue_size', '4096'],
  ...['-fs', String(MEDIA_LIMITS.avLongBytes)],
]

/** How a storyboard of a video of this length lies; undefined for one too short to scrub. */
export const storyboardOf = (durationMs: number, size: Size): Storyboard | undefined => {
  const everyMs = Math.max(1_000, Math.ceil(durationMs / MEDIA_LIMITS.storyboardFrames))
  const frames = Math.min(MEDIA_LIMITS.storyboardFrames, Math.floor(durationMs / everyMs))
  if (frames < 2) return undefined
  const columns = Math.min(10, frames)
  const { width, height } = sizeInside(size, MEDIA_LIMITS.storyboardPixels)
  return { columns, rows: Math.ceil(frames / columns), frames, width, height, everyMs }
}

/** Above this, frames that stand alone are near enough, and finding them costs a fraction. */
const KEY_FRAMES_ABOVE_MS = 4_000

/** @param seconds of the video */
export const storyboardArguments = (stream: number, board: Storyboard, seconds: number): Arguments => ({
  input: inputArguments(seconds, board.everyMs > KEY_FRAMES_ABOVE_MS ? ['-skip_frame', 'nokey'] : []),
  output: [
    ...only(stream),
    '-filter:v',
    [
      `fps=1000/${board.everyMs}:start_time=0:eof_action=pass`,
      scaled(board),
      // What a forged length promises too much stays black, what it keeps back is left out.
      `tile=${board.columns}x${board.rows}:nb_frames=${board.frames}`,
    ].join(','),
    ...['-c:v', 'libwebp', '-quality', '60', '-compression_level', '4'],
    ...STILL,
    ...['-fs', String(MEDIA_LIMITS.avShortBytes)],
  ],
})

export const audioInput = (seconds: number): string[] => inputArguments(seconds)

/** @param isCopied AAC is taken over as it is */
export const m4aOutput = (stream: number, isCopied: boolean): string[] => [
  ...only(stream),
  ...['-vn', '-sn', '-dn'],
  ...(isCopied ? ['-c:a', 'copy'] : AAC),
  ...['-movflags', '+faststart', '-fs', String(MEDIA_LIMITS.avLongBytes)],
]

/** @param isCopied Opus is taken over as it is */
export const opusOutput = (stream: number, isCopied: boolean): string[] => [
  ...only(stream),
  ...['-vn', '-sn', '-dn'],
  ...(isCopied ? ['-c:a', 'copy'] : ['-c:a', 'libopus', '-b:a', '64k', '-ac', '2', '-ar', '48000']),
  ...['-fs', String(MEDIA_LIMITS.avLongBytes)],
]

/** Samples a second that loudness is measured by. */
export const WAVEFORM_RATE = 8_000

/** Plain samples, 16 bits each, one after the other. */
export const samplesOutput = (stream: number): string[] => [
  ...only(stream),
  ...['-vn', '-sn', '-dn'],
  ...['-c:a', 'pcm_s16le', '-ac', '1', '-ar', String(WAVEFORM_RATE), '-f', 's16le'],
]
