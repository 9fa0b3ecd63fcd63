import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { FileDetails } from '@trunkline/protocol'
import { type Made, MediaFault, type Produced, type Work } from '../jobs/processor.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import {
  LONGEST_SECONDS,
  posterArguments,
  type Size,
  sizeWithin,
  storyboardArguments,
  storyboardOf,
  type VideoTarget,
  videoInput,
  videoOutput,
} from './arguments.ts'
import { inWords } from './faults.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import { type PosterMaker, writePoster } from './poster.ts'
import { limitsFor, type Probed, probe, type VideoStream } from './probe.ts'

/** What a video is made into. */
export type Rendition = 'video' | 'videoSmall'

/** Lines each has at most. */
const LINES: Readonly<Record<Rendition, number>> = { video: 1_080, videoSmall: 480 }

/** A file whose streams are known. */
export type ProbedWork = Work & { probed: Probed }

export type VideoDeps = {
  ffmpeg: Ffmpeg
  pictures: PosterMaker
  renditions: readonly Rendition[]
}

/** Whether browsers play a stream as it is, in an MP4 of so many lines. */
export const isPlayable = (video: VideoStream, lines: number): boolean => {
  const { width, height } = sizeWithin(video, lines)
  return (
    video.codec === 'h264' &&
    ['Constrained Baseline', 'Baseline', 'Main', 'High'].includes(video.profile ?? '') &&
    ['yuv420p', 'yuvj420p'].includes(video.pixelFormat ?? '') &&
    (video.level ?? 0) <= 51 &&
    !video.isOdd &&
    // Nothing has to be made smaller; an odd line more or less is no reason.
    Math.abs(width - video.width) <= 1 &&
    Math.abs(height - video.height) <= 1
  )
}

type Planned = Size & { name: Rendition; target: VideoTarget }

/** What is to be written of a video: nothing that would be the same as something larger. */
export const planVideo = (
  { video, audio, seconds }: Probed & { video: VideoStream },
  renditions: readonly Rendition[],
  threads: number,
): Planned[] => {
  const shorter = Math.min(video.width, video.height)
  return renditions.flatMap(name => {
    const lines = LINES[name]
    if (name === 'videoSmall' && renditions.includes('video') && shorter <= lines) return []
    const isCopied = isPlayable(video, lines)
    if (!isCopied && (seconds ?? 0) > MEDIA_LIMITS.videoSeconds) return []
    const size = isCopied ? { width: video.width, height: video.height } : sizeWithin(video, lines)
    const target: VideoTarget = {
      stream: video.index,
      ...(isCopied ? {} : { encode: { ...size, lines, threads, toneMap: video.toneMap } }),
      ...(audio && {
        audio: {
          stream: audio.index,
          isCopied: audio.codec === 'aac' && audio.profile === 'LC' && audio.channels <= 2,
        },
      }),
    }
    return [{ name, ...size, target }]
  })
}

/** Shares of the time, for progress. */
const POSTER_DONE = 0.05
const CONVERTED = 0.9

/** A WebP of one pixel has more. */
const EMPTY_BYTES = 30

/** Makes of a video what a browser plays, previews and scrubs. */
export const createVideo = ({ ffmpeg, pictures, renditions }: VideoDeps) => {
  const threads = Math.max(1, availableParallelism() >> 1)

  const convert = async (work: ProbedWork, planned: Planned[]): Promise<Made[]> => {
    if (planned.length === 0) return []
    const { seconds } = work.probed
    const outputs = planned.map(({ name, target }) => ({
      options: videoOutput(target),
      target: join(work.folder, `${name.toLowerCase()}.mp4`),
    }))
    const isEncoding = planned.some(({ target }) => target.encode)
    await ffmpeg.run({
      input: videoInput(isEncoding ? MEDIA_LIMITS.videoSeconds : LONGEST_SECONDS),
      path: work.path,
      outputs,
      limits: limitsFor(seconds ?? 0),
      signal: work.signal,
      progress(done) {
        if (seconds) work.progress(POSTER_DONE + (CONVERTED - POSTER_DONE) * Math.min(1, done / seconds))
      },
    })
    return planned.map(({ name, width, height }, index) => ({
      name,
      mime: 'video/mp4',
      path: outputs[index]?.target ?? '',
      width,
      height,
    }))
  }

  /** Of what was written, when something was; it is smaller, and what it says of its length is true. */
  const storyboard = async (
    work: ProbedWork,
    path: string,
    video: VideoStream,
    seconds: number,
  ): Promise<Produced> => {
    const nothing = { details: {}, made: [] }
    const board = storyboardOf(seconds * 1_000, video)
    if (!board) return nothing
    const target = join(work.folder, 'storyboard.webp')
    const { input, output } = storyboardArguments(video.index, board, seconds)
    const outputs = [{ options: output, target }]
    await ffmpeg.run({ input, path, outputs, limits: limitsFor(seconds), signal: work.signal })
    // It writes a file without a picture rather than none.
    const { size } = await stat(target)
    if (size < EMPTY_BYTES) return nothing
    const [width, height] = [board.width * board.columns, board.height * board.rows]
    const made = [{ name: 'storyboard' as const, mime: 'image/webp', path: target, width, height }]
    return { details: { storyboard: board }, made }
  }

  const all = async (work: ProbedWork & { probed: { video: VideoStream } }): Promise<Produced> => {
    const { video, seconds: claimed } = work.probed
    const frame = await writePoster(ffmpeg, work, posterArguments(video))
    const poster = await pictures.poster(frame, work)
    const size = { width: video.width, height: video.height }
    // Converting takes as long as the video is, or longer.
    await work.early({ details: { ...poster.details, ...size }, made: poster.made })
    work.progress(POSTER_DONE)
    const converted = await convert(work, planVideo(work.probed, renditions, threads))
    const [main] = converted
    const written = main && (await probe(ffmpeg, main.path, work.signal))
    if (written && !written.video) throw new MediaFault('This video is damaged and cannot be shown.')
    const seconds = written?.seconds ?? claimed
    work.progress(CONVERTED)
    const shown = written?.video ?? video
    const length = shown.seconds ?? seconds ?? 0
    const strip = await storyboard(work, main?.path ?? work.path, shown, length)
    const details: FileDetails = {
      ...poster.details,
      ...strip.details,
      ...size,
      ...(seconds !== undefined && { durationMs: Math.round(seconds * 1_000) }),
    }
    return { details, made: [...poster.made, ...converted, ...strip.made] }
  }

  return async (work: ProbedWork & { probed: { video: VideoStream } }): Promise<Produced> => {
    try {
      return await all(work)
    } catch (error) {
      throw inWords('video', error)
    }
  }
}
