import { join } from 'node:path'
import type { Logger } from '@trunkline/kit'
import { LIMITS } from '@trunkline/protocol'
import { MediaFault, type Produced } from '../jobs/processor.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import {
  audioInput,
  coverArguments,
  m4aOutput,
  opusOutput,
  samplesOutput,
  WAVEFORM_RATE,
} from './arguments.ts'
import { inWords } from './faults.ts'
import { type Ffmpeg, FfmpegFault } from './ffmpeg.ts'
import { type PosterMaker, writePoster } from './poster.ts'
import { type AudioStream, limitsFor } from './probe.ts'
import type { ProbedWork } from './video.ts'
import { Waveform } from './waveform.ts'

export type AudioDeps = { ffmpeg: Ffmpeg; pictures: PosterMaker; logger: Logger }

type AudioWork = ProbedWork & { probed: { audio: AudioStream } }

/** Makes of a recording what every browser plays, how loud it is over its length, and thumbnails of its cover. */
export const createAudio = ({ ffmpeg, pictures, logger }: AudioDeps) => {
  const cover = async (work: AudioWork): Promise<Produced> => {
    const stream = work.probed.cover
    if (!stream) return { details: {}, made: [] }
    try {
      const { details, made } = await pictures.poster(
        await writePoster(ffmpeg, work, coverArguments(stream)),
        work,
      )
      const { placeholder, color } = details
      return { details: { ...(placeholder && { placeholder }), ...(color && { color }) }, made }
    } catch (error) {
      if (!(error instanceof FfmpegFault || error instanceof MediaFault)) throw error
      logger.info({ err: error }, 'the cover of a recording cannot be shown')
      return { details: {}, made: [] }
    }
  }

  const sound = async (work: AudioWork): Promise<Produced> => {
    const { audio, seconds } = work.probed
    if ((seconds ?? 0) > MEDIA_LIMITS.audioSeconds) {
      throw new MediaFault(`This recording is longer than ${MEDIA_LIMITS.audioSeconds / 3_600} hours.`)
    }
    const waveform = new Waveform()
    const m4a = join(work.folder, 'audio.m4a')
    const opus = join(work.folder, 'audio.ogg')
    const isAac = audio.codec === 'aac' && audio.profile === 'LC' && audio.channels <= 2
    const isOpus = audio.codec === 'opus' && audio.channels <= 2
    await ffmpeg.run({
      input: audioInput(MEDIA_LIMITS.audioSeconds),
      path: work.path,
      outputs: [
        { options: m4aOutput(audio.index, isAac), target: m4a },
        { options: opusOutput(audio.index, isOpus), target: opus },
        { options: samplesOutput(audio.index), target: waveform },
      ],
      limits: limitsFor(seconds ?? 0),
      signal: work.signal,
      progress(done) {
        if (seconds) work.progress(Math.min(1, done / seconds))
      },
    })
    // It is content with having decoded nothing.
    if (waveform.samples === 0) throw new FfmpegFault('damaged', 'there is no sound in it')
    return {
      details: {
        durationMs: Math.round((1_000 * waveform.samples) / WAVEFORM_RATE),
        waveform: waveform.peaks(LIMITS.waveformPeaks),
      },
      made: [
        { name: 'audio', mime: 'audio/mp4', path: m4a },
        { name: 'opus', mime: 'audio/ogg', path: opus },
      ],
    }
  }

  return async (work: AudioWork): Promise<Produced> => {
    try {
      const { details, made } = await sound(work)
      const picture = await cover(work)
      return { details: { ...details, ...picture.details }, made: [...made, ...picture.made] }
    } catch (error) {
      throw inWords('audio', error)
    }
  }
}
