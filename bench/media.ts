/**
 * What files cost: a photo of 12 megapixels made small, beside ImageMagick, and uploads beside nginx, in one run.
 *
 *     npm run bench media [seconds for each measurement of pictures, 5 by default]
 */
import { measurePictures } from './media/pictures.ts'
import { measureUploads } from './media/uploads.ts'

await measurePictures(Number(process.argv[2] ?? 5))
await measureUploads()
