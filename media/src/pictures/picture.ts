import { Semaphore } from 'async-mutex'
import sharp, { type SharpOptions } from 'sharp'
import { isPicture } from './kind.ts'
import { MEDIA_LIMITS } from './limits.ts'

// The only file that imports sharp. libvips reads many formats through libraries of very different age; a file reaches
// none but these. https://sharp.pixelplumbing.com/api-utility#block
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadNsgif'],
})
// Every file is looked at once.
sharp.cache(false)

const OPTIONS: SharpOptions = {
  limitInputPixels: MEDIA_LIMITS.pixels,
  // Broken and cut off pictures are refused; what decoders merely warn of (stray bytes, odd profiles) is all over
  // real photos.
  failOn: 'error',
  sequentialRead: true,
}

// A 50-megapixel picture takes hundreds of megabytes while it is decoded.
const turns = new Semaphore(MEDIA_LIMITS.imagesAtOnce)

export type Picture = {
  /** pixels, as it is seen: after its orientation was applied */
  width: number
  height: number
  /** WebP of at most 512 pixels, without metadata */
  thumbnail: Buffer
}

/**
 * Looks at a picture and makes its thumbnail.
 * @param path of a JPEG, PNG, WebP or GIF
 * @throws Error when it is not one, is broken, too large or takes too long
 */
export const readPicture = (path: string): Promise<Picture> =>
  turns.runExclusive(async () => {
    const { format, autoOrient } = await sharp(path, OPTIONS).metadata()
    if (!isPicture(`image/${format}`)) throw new Error(`${format} is not a kind of picture that is read`)
    const side = MEDIA_LIMITS.thumbnailPixels
    // Metadata (EXIF, GPS, XMP) is left behind unless asked for; it is not.
    const thumbnail = await sharp(path, OPTIONS)
      .autoOrient()
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80 })
      .timeout({ seconds: MEDIA_LIMITS.imageSeconds })
      .toBuffer()
    return { width: autoOrient.width, height: autoOrient.height, thumbnail }
  })
