import { MediaFault } from '../jobs/processor.ts'
import { FfmpegFault } from './ffmpeg.ts'

const SENTENCES = {
  video: {
    damaged: 'This video is damaged and cannot be shown.',
    time: 'This video takes too long to convert.',
    size: 'This video is too large to convert.',
  },
  audio: {
    damaged: 'This recording is damaged and cannot be played.',
    time: 'This recording takes too long to convert.',
    size: 'This recording is too large to convert.',
  },
} as const

/** Says a fault of ffmpeg's in words for people; any other error stays what it is. */
export const inWords = (kind: keyof typeof SENTENCES, error: unknown): unknown =>
  error instanceof FfmpegFault ? new MediaFault(SENTENCES[kind][error.reason], { cause: error }) : error
