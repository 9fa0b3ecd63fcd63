import type { Logger } from '@trunkline/kit'
import { Fence, findProgram } from '../fence.ts'
import type { Processor } from '../jobs/processor.ts'
import type { LiveProgram } from '../live/program.ts'
import type { FilmDeps } from '../recordings/film.ts'
import { createAudio } from './audio.ts'
import { Ffmpeg } from './ffmpeg.ts'
import type { PosterMaker } from './poster.ts'
import { probe } from './probe.ts'
import { createVideo, type Rendition } from './video.ts'

export type AvDeps = {
  logger: Logger
  /** Path of an ffmpeg; looked for on PATH when left out, `false` for none. */
  ffmpeg?: string | false | undefined
  /** Likewise of its ffprobe. */
  ffprobe?: string | undefined
  /** Makes thumbnails of a frame. */
  pictures: PosterMaker
  /** What is made of a video. */
  renditions: readonly Rendition[]
}

/**
 * What video and sound are processed by. Which of the two a file is, its streams decide and not what it was taken for:
 * either takes a file that turns out to be the other, and says so.
 */
export type Av = {
  video: Processor
  audio: Processor
  /** What films of recorded calls are made with. */
  film: FilmDeps
  /** What calls are shown live with. */
  live: LiveProgram
}

/** Types whose other half is called something else. */
const COUNTERPARTS: ReadonlyMap<string, string> = new Map([
  ['video/quicktime', 'audio/mp4'],
  ['audio/x-m4a', 'video/mp4'],
])

/** The type of a file that was taken for the other of the two; nothing when it is what it was taken for. */
export const turnedOut = (mime: string, kind: 'video' | 'audio'): { mime?: string } => {
  if (mime.startsWith(`${kind}/`)) return {}
  return { mime: COUNTERPARTS.get(mime) ?? mime.replace(/^[^/]*/, kind) }
}

/** @returns undefined where there is no ffmpeg: video and sound are kept as they came */
export const createAv = async (deps: AvDeps): Promise<Av | undefined> => {
  const { logger, pictures, renditions } = deps
  if (deps.ffmpeg === false) return undefined
  const program = deps.ffmpeg ?? (await findProgram('ffmpeg'))
  const prober = deps.ffprobe ?? (await findProgram('ffprobe'))
  if (program === undefined || prober === undefined) {
    logger.info('no ffmpeg and ffprobe on PATH: nothing is made of video and sound')
    return undefined
  }
  const fence = await Fence.open(logger)
  logger.debug({ ffmpeg: program, fence: fence.kind }, 'video and sound are processed by ffmpeg')
  const ffmpeg = new Ffmpeg({ ffmpeg: program, ffprobe: prober, fence })
  // Left out of some builds of ffmpeg: colours are paler then.
  const tones = await ffmpeg.hasFilter('zscale')
  const video = createVideo({ ffmpeg, pictures, renditions })
  const audio = createAudio({ ffmpeg, pictures, logger })

  const process: Processor = async work => {
    const probed = await probe(ffmpeg, work.path, work.signal)
    const { audio: tone } = probed
    const film = probed.video && { ...probed.video, ...(tones ? {} : { toneMap: undefined }) }
    const mime = turnedOut(work.mime, film ? 'video' : 'audio')
    if (film) return { ...(await video({ ...work, probed: { ...probed, video: film } })), ...mime }
    if (tone) return { ...(await audio({ ...work, probed: { ...probed, audio: tone } })), ...mime }
    throw new TypeError('a file without streams got past its probe')
  }
  const drawsText = await ffmpeg.hasFilter('drawtext')
  const live = { path: program, fence: fence.kind, drawsText }
  return { video: process, audio: process, film: { ffmpeg, drawsText }, live }
}
