import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DerivativeName, FileDetails } from '@trunkline/protocol'
import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp'
import { type Made, MediaFault, type Produced } from '../../jobs/processor.ts'
import { MEDIA_LIMITS } from '../../limits.ts'
import { dominantColor, placeholderOf } from './impression.ts'
import { withoutMetadata } from './moving.ts'

// The only file that imports sharp. libvips reads many formats through libraries of very different age; a file reaches
// none but these. https://sharp.pixelplumbing.com/api-utility#block
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadJpeg',
    'VipsForeignLoadPng',
    'VipsForeignLoadWebp',
    'VipsForeignLoadNsgif',
    'VipsForeignLoadHeif',
  ],
})
// Every file is looked at once, and there are as many processes as cores are to be used.
sharp.cache(false)
sharp.concurrency(1)

const OPTIONS: SharpOptions = {
  limitInputPixels: MEDIA_LIMITS.pixels,
  // Broken and cut off pictures are refused; what decoders merely warn of (stray bytes, odd profiles) is all over
  // real photos.
  failOn: 'error',
  sequentialRead: true,
}

/** Names of thumbnails and their longest side in pixels, the smallest first. */
const THUMBNAILS: readonly (readonly [DerivativeName, number])[] = [
  ['thumb128', 128],
  ['thumb512', 512],
  ['thumb1600', MEDIA_LIMITS.previewPixels],
]

/** The most effort there is takes three times as long and saves three hundredths of the bytes. */
const WEBP = { quality: 80, effort: 1 }

const AVATAR_SIDE = 512

/** A file, and whether it is seen as it is stored, whatever it says of its orientation. */
type Source = { path: string; isUpright: boolean }

/** What sharp decoded, in sRGB with eight bits a channel. */
export type Pixels = { data: Uint8Array; width: number; height: number; channels: 1 | 2 | 3 | 4 }

/**
 * Looks at a picture and makes its thumbnails, as files in `folder`.
 * @throws MediaFault when it is not one of those that are read, is broken or too large
 */
export const readPicture = async (source: Source, folder: string): Promise<Produced> => {
  const metadata = await look(source.path)
  const { width, height } = source.isUpright ? metadata : metadata.autoOrient
  const still = await asFault(() => pixels(upTo(largest(), open(source))))
  const isMoving = canMove(metadata)
  const made: Made[] = []
  for (const [name, side] of sizesFor(width, height))
    made.push(
      isMoving
        ? await save(name, folder, upTo(side, moving(source)))
        : await save(name, folder, upTo(side, fromPixels(still))),
    )
  return {
    details: { width, height, ...(isMoving ? { animated: true } : {}), ...(await impression(still)) },
    made,
  }
}

/** Thumbnails and impression of a picture that is decoded already. */
export const picturesOf = async (
  whole: Pixels,
  folder: string,
): Promise<{ made: Made[]; details: Pick<FileDetails, 'placeholder' | 'color'> }> => {
  const made: Made[] = []
  for (const [name, side] of sizesFor(whole.width, whole.height))
    made.push(await save(name, folder, upTo(side, fromPixels(whole))))
  return { made, details: await impression(whole) }
}

/**
 * WebP of 512 x 512 pixels.
 * @throws MediaFault
 */
export const makeAvatar = async (source: Source): Promise<Uint8Array> => {
  await look(source.path)
  return asFault(() => open(source).resize(AVATAR_SIDE, AVATAR_SIDE, { fit: 'cover' }).webp(WEBP).toBuffer())
}

/**
 * The picture again in `to`, without its metadata.
 * @returns its MIME type
 * @throws MediaFault
 */
export const stripPicture = async (source: Source & { mime: string; to: string }): Promise<string> => {
  const { path, mime, to } = source
  const { pages = 1, format, hasAlpha } = await look(path)
  if (mime === 'image/apng' || (pages > 1 && (format === 'gif' || format === 'webp'))) {
    const container = format === 'gif' || format === 'webp' ? format : 'png'
    await writeFile(to, withoutMetadata(await readFile(path), container))
    return mime
  }
  const [anew, options] = formatAnew(format, hasAlpha)
  await writeFile(to, await asFault(() => open(source).toFormat(anew, options).toBuffer()))
  return `image/${anew}`
}

const formatAnew = (
  format: string,
  hasAlpha: boolean,
): ['jpeg' | 'png' | 'webp' | 'gif', { quality?: number }] => {
  if (format === 'png' || format === 'gif') return [format, {}]
  return format === 'webp' || hasAlpha ? ['webp', { quality: 90 }] : ['jpeg', { quality: 92 }]
}

/** Reads what a picture says about itself, which decodes none of it. */
const look = async (path: string): Promise<Metadata> => {
  // sharp says of a file that is not there what it says of one that is no picture.
  await access(path)
  const metadata = await asFault(() => sharp(path, OPTIONS).metadata())
  if (metadata.format === 'heif' && metadata.compression !== 'av1')
    throw new MediaFault('This server cannot show HEIC pictures.')
  return metadata
}

/** Whether all its frames are kept: each is decoded, and encoded three times. */
const canMove = ({ format, pages = 1, width, height, orientation = 1 }: Metadata): boolean =>
  (format === 'gif' || format === 'webp') &&
  pages > 1 &&
  pages <= MEDIA_LIMITS.animatedFrames &&
  width * height * pages <= MEDIA_LIMITS.animatedPixels &&
  orientation === 1

/** What is seen of it at first. */
const open = ({ path, isUpright }: Source): Sharp =>
  isUpright ? sharp(path, OPTIONS) : sharp(path, OPTIONS).autoOrient()

/** All its frames. */
const moving = ({ path }: Source): Sharp => sharp(path, { ...OPTIONS, animated: true })

const largest = (): number => Math.max(...THUMBNAILS.map(([, side]) => side))

/** Those sizes that are larger than the one before, up to the first that holds the whole picture. */
const sizesFor = (width: number, height: number) => {
  const longest = Math.max(width, height)
  return THUMBNAILS.filter((_, index) => longest > (THUMBNAILS[index - 1]?.[1] ?? 0))
}

const upTo = (side: number, picture: Sharp): Sharp =>
  picture.resize(side, side, { fit: 'inside', withoutEnlargement: true })

const fromPixels = ({ data, width, height, channels }: Pixels): Sharp =>
  sharp(data, { raw: { width, height, channels } })

const pixels = async (picture: Sharp): Promise<Pixels> => {
  const { data, info } = await picture.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height, channels: info.channels as Pixels['channels'] }
}

/** Metadata (EXIF, GPS, XMP, colour profiles) is left behind unless asked for, and it is not asked for. */
const save = async (name: DerivativeName, folder: string, picture: Sharp): Promise<Made> => {
  const { data, info } = await asFault(() => picture.webp(WEBP).toBuffer({ resolveWithObject: true }))
  const path = join(folder, `${name}.webp`)
  await writeFile(path, data)
  return { name, mime: 'image/webp', path, width: info.width, height: info.pageHeight ?? info.height }
}

const impression = async (whole: Pixels): Promise<Pick<FileDetails, 'placeholder' | 'color'>> => {
  const { data, width, height } = await pixels(
    upTo(100, fromPixels(whole).toColourspace('srgb')).ensureAlpha(),
  )
  return { placeholder: placeholderOf(data, width, height), color: dominantColor(data) }
}

/** What sharp throws is the picture's fault, since it touches no other file than that one. */
const asFault = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw new MediaFault(sentenceFor(String(error)), { cause: error })
  }
}

const sentenceFor = (said: string): string => {
  if (said.includes('pixel limit'))
    return `This picture is too large to be shown: it has more than ${MEDIA_LIMITS.pixels / 1e6} megapixels.`
  if (said.includes('unsupported image format')) return 'This is not a picture of a kind that is known here.'
  return 'This picture is damaged and cannot be shown.'
}
