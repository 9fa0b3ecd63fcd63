import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Produced, Work } from '../jobs/processor.ts'
import type { Arguments } from './arguments.ts'
import { type Ffmpeg, FfmpegFault } from './ffmpeg.ts'
import { SHORT } from './probe.ts'

/** Who makes thumbnails of a frame. */
export type PosterMaker = {
  /** @param path of a PNG in the folder of the work */
  poster(path: string, work: Work): Promise<Produced>
}

/**
 * Writes one frame as PNG into the folder of the work.
 * @param frame.input as `posterArguments` or `coverArguments` say it, with `frame.output`
 * @throws FfmpegFault when there is none that can be shown
 */
export const writePoster = async (ffmpeg: Ffmpeg, work: Work, frame: Arguments): Promise<string> => {
  const target = join(work.folder, 'poster.png')
  const outputs = [{ options: frame.output, target }]
  await ffmpeg.run({ input: frame.input, path: work.path, outputs, limits: SHORT, signal: work.signal })
  // It is content with having decoded nothing.
  await access(target).catch(() => {
    throw new FfmpegFault('damaged', 'there is no frame in it')
  })
  return target
}
