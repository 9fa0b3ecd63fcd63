import type { Logger } from '@trunkline/kit'
import { Fence, findProgram } from '../fence.ts'
import type { Processor } from '../jobs/processor.ts'
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
export type Av = { video: Processor; audio: Processor }

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
    const has = { video: probed.video, audio: probed.audio }
    const [kind, other] = has.video ? (['video', 'audio'] as const) : (['audio', 'video'] as const)
    const produced = has.video
      ? await video({
          ...work,
          probed: { ...probed, video: tones ? has.video : { ...has.video, toneMap: undefined } },
        })
      : has.audio && (await audio({ ...work, probed: { ...probed, audio: has.audio } }))
    if (!produced) throw new TypeError('a file without streams got past its probe')
    return work.mime.startsWith(`${other}/`)
      ? { ...produced, mime: work.mime.replace(other, kind) }
      : produced
  }
  return { video: process, audio: process }
}
