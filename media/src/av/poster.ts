import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Produced, Work } from '../jobs/processor.ts'
import { posterArguments, type Size } from './arguments.ts'
import { type Ffmpeg, FfmpegFault } from './ffmpeg.ts'
import { SHORT } from './probe.ts'

/** Who makes thumbnails of a frame. */
export type PosterMaker = {
  /** @param path of a PNG in the folder of the work */
  poster(path: string, work: Work): Promise<Produced>
}

/**
 * Writes one frame of a stream as PNG into the folder of the work.
 * @throws FfmpegFault when there is none that can be shown
 */
export const writePoster = async (
  ffmpeg: Ffmpeg,
  work: Work,
  stream: Size & { index: number },
): Promise<string> => {
  const target = join(work.folder, 'poster.png')
  const { input, output } = posterArguments(stream.index, stream)
  const outputs = [{ options: output, target }]
  await ffmpeg.run({ input, path: work.path, outputs, limits: SHORT, signal: work.signal })
  // It is content with having decoded nothing.
  await access(target).catch(() => {
    throw new FfmpegFault('damaged', 'there is no frame in it')
  })
  return target
}
