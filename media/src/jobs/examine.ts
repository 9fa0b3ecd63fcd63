import { rm } from 'node:fs/promises'
import type { Logger } from '@trunkline/kit'
import type { Ffmpeg } from './ffmpeg.ts'
import { readPicture } from './image.ts'
import { detectKind, isPicture, isVideo, UNKNOWN } from './kind.ts'

/** What is known of a file once it was looked at. */
export type Examined = {
  mime: string
  /** pixels, for pictures */
  width?: number
  height?: number
  /** WebP */
  thumbnail?: Buffer
}

/**
 * Looks at an uploaded file: what it is, how large a picture, its thumbnail. A file that cannot be looked at is a plain
 * file: it is stored all the same, and only ever offered for saving.
 * @param deps.folder for what is written on the way
 */
export const examine = async (
  path: string,
  deps: { ffmpeg: Ffmpeg | undefined; folder: string; logger: Logger },
): Promise<Examined> => {
  const mime = await detectKind(path)
  if (isPicture(mime)) {
    try {
      return { mime, ...(await readPicture(path)) }
    } catch (error) {
      // A picture that is refused here (a decompression bomb) should not be opened by everybody's browser either.
      deps.logger.info({ err: error, mime }, 'a picture cannot be read and is kept as a plain file')
      return { mime: UNKNOWN }
    }
  }
  if (isVideo(mime) && deps.ffmpeg) {
    try {
      const poster = await deps.ffmpeg.poster(path, deps.folder)
      try {
        return { mime, thumbnail: (await readPicture(poster)).thumbnail }
      } finally {
        await rm(poster, { force: true })
      }
    } catch (error) {
      deps.logger.info({ err: error, mime }, 'a video has no frame that can be read')
    }
  }
  return { mime }
}
